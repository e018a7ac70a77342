//! Rules and field maps that are part of the agent; written by `KUZET_BLESS=1 cargo test --test kuzet rules`.

/// Rules by their path, with their text.
pub const RULES: &[(&str, &str)] = &[
    ("rules/sigma/accounts/account_removed.yml", include_str!("../../../rules/sigma/accounts/account_removed.yml")),
    (
        "rules/sigma/accounts/connections_exhausted.yml",
        include_str!("../../../rules/sigma/accounts/connections_exhausted.yml"),
    ),
    (
        "rules/sigma/accounts/default_account_tried.yml",
        include_str!("../../../rules/sigma/accounts/default_account_tried.yml"),
    ),
    (
        "rules/sigma/accounts/granted_to_everybody.yml",
        include_str!("../../../rules/sigma/accounts/granted_to_everybody.yml"),
    ),
    (
        "rules/sigma/accounts/mysql_account_from_anywhere.yml",
        include_str!("../../../rules/sigma/accounts/mysql_account_from_anywhere.yml"),
    ),
    (
        "rules/sigma/accounts/mysql_account_renamed.yml",
        include_str!("../../../rules/sigma/accounts/mysql_account_renamed.yml"),
    ),
    (
        "rules/sigma/accounts/mysql_root_over_network.yml",
        include_str!("../../../rules/sigma/accounts/mysql_root_over_network.yml"),
    ),
    (
        "rules/sigma/accounts/password_never_expires.yml",
        include_str!("../../../rules/sigma/accounts/password_never_expires.yml"),
    ),
    ("rules/sigma/accounts/password_set.yml", include_str!("../../../rules/sigma/accounts/password_set.yml")),
    (
        "rules/sigma/accounts/pg_superuser_over_network.yml",
        include_str!("../../../rules/sigma/accounts/pg_superuser_over_network.yml"),
    ),
    ("rules/sigma/accounts/pgbouncer_console.yml", include_str!("../../../rules/sigma/accounts/pgbouncer_console.yml")),
    (
        "rules/sigma/accounts/refused_before_password.yml",
        include_str!("../../../rules/sigma/accounts/refused_before_password.yml"),
    ),
    (
        "rules/sigma/accounts/rights_on_future_tables.yml",
        include_str!("../../../rules/sigma/accounts/rights_on_future_tables.yml"),
    ),
    (
        "rules/sigma/accounts/session_as_another_role.yml",
        include_str!("../../../rules/sigma/accounts/session_as_another_role.yml"),
    ),
    (
        "rules/sigma/agent/agent_account_changed.yml",
        include_str!("../../../rules/sigma/agent/agent_account_changed.yml"),
    ),
    (
        "rules/sigma/agent/agent_account_elsewhere.yml",
        include_str!("../../../rules/sigma/agent/agent_account_elsewhere.yml"),
    ),
    (
        "rules/sigma/agent/agent_account_refused.yml",
        include_str!("../../../rules/sigma/agent/agent_account_refused.yml"),
    ),
    (
        "rules/sigma/agent/audit_extension_probed.yml",
        include_str!("../../../rules/sigma/agent/audit_extension_probed.yml"),
    ),
    ("rules/sigma/agent/defences_mapped.yml", include_str!("../../../rules/sigma/agent/defences_mapped.yml")),
    ("rules/sigma/agent/measurement_removed.yml", include_str!("../../../rules/sigma/agent/measurement_removed.yml")),
    (
        "rules/sigma/application/client_card_deleted.yml",
        include_str!("../../../rules/sigma/application/client_card_deleted.yml"),
    ),
    (
        "rules/sigma/application/login_from_outside.yml",
        include_str!("../../../rules/sigma/application/login_from_outside.yml"),
    ),
    (
        "rules/sigma/application/login_with_default_account.yml",
        include_str!("../../../rules/sigma/application/login_with_default_account.yml"),
    ),
    (
        "rules/sigma/application/refused_in_application.yml",
        include_str!("../../../rules/sigma/application/refused_in_application.yml"),
    ),
    (
        "rules/sigma/application/script_in_application.yml",
        include_str!("../../../rules/sigma/application/script_in_application.yml"),
    ),
    (
        "rules/sigma/database/audit_table_changed.yml",
        include_str!("../../../rules/sigma/database/audit_table_changed.yml"),
    ),
    (
        "rules/sigma/database/connections_in_clear.yml",
        include_str!("../../../rules/sigma/database/connections_in_clear.yml"),
    ),
    (
        "rules/sigma/database/hidden_role_setting.yml",
        include_str!("../../../rules/sigma/database/hidden_role_setting.yml"),
    ),
    (
        "rules/sigma/database/mongodb_admin_login_refused.yml",
        include_str!("../../../rules/sigma/database/mongodb_admin_login_refused.yml"),
    ),
    (
        "rules/sigma/database/mongodb_database_dropped.yml",
        include_str!("../../../rules/sigma/database/mongodb_database_dropped.yml"),
    ),
    (
        "rules/sigma/database/mongodb_javascript.yml",
        include_str!("../../../rules/sigma/database/mongodb_javascript.yml"),
    ),
    (
        "rules/sigma/database/mongodb_stopped_by_account.yml",
        include_str!("../../../rules/sigma/database/mongodb_stopped_by_account.yml"),
    ),
    (
        "rules/sigma/database/mysql_account_definition_read.yml",
        include_str!("../../../rules/sigma/database/mysql_account_definition_read.yml"),
    ),
    (
        "rules/sigma/database/mysql_binlog_purged.yml",
        include_str!("../../../rules/sigma/database/mysql_binlog_purged.yml"),
    ),
    (
        "rules/sigma/database/mysql_command_at_login.yml",
        include_str!("../../../rules/sigma/database/mysql_command_at_login.yml"),
    ),
    (
        "rules/sigma/database/mysql_event_created.yml",
        include_str!("../../../rules/sigma/database/mysql_event_created.yml"),
    ),
    (
        "rules/sigma/database/mysql_fulltext_words.yml",
        include_str!("../../../rules/sigma/database/mysql_fulltext_words.yml"),
    ),
    (
        "rules/sigma/database/mysql_handler_read.yml",
        include_str!("../../../rules/sigma/database/mysql_handler_read.yml"),
    ),
    (
        "rules/sigma/database/mysql_local_infile_on.yml",
        include_str!("../../../rules/sigma/database/mysql_local_infile_on.yml"),
    ),
    (
        "rules/sigma/database/mysql_log_table_emptied.yml",
        include_str!("../../../rules/sigma/database/mysql_log_table_emptied.yml"),
    ),
    (
        "rules/sigma/database/mysql_password_hashes.yml",
        include_str!("../../../rules/sigma/database/mysql_password_hashes.yml"),
    ),
    (
        "rules/sigma/database/mysql_remote_passwords.yml",
        include_str!("../../../rules/sigma/database/mysql_remote_passwords.yml"),
    ),
    (
        "rules/sigma/database/mysql_statistics_values.yml",
        include_str!("../../../rules/sigma/database/mysql_statistics_values.yml"),
    ),
    ("rules/sigma/database/ownership_changed.yml", include_str!("../../../rules/sigma/database/ownership_changed.yml")),
    (
        "rules/sigma/database/personal_data_notified.yml",
        include_str!("../../../rules/sigma/database/personal_data_notified.yml"),
    ),
    (
        "rules/sigma/database/pg_access_files_read.yml",
        include_str!("../../../rules/sigma/database/pg_access_files_read.yml"),
    ),
    (
        "rules/sigma/database/pg_command_setting.yml",
        include_str!("../../../rules/sigma/database/pg_command_setting.yml"),
    ),
    (
        "rules/sigma/database/pg_definer_function.yml",
        include_str!("../../../rules/sigma/database/pg_definer_function.yml"),
    ),
    (
        "rules/sigma/database/pg_event_trigger_created.yml",
        include_str!("../../../rules/sigma/database/pg_event_trigger_created.yml"),
    ),
    (
        "rules/sigma/database/pg_event_trigger_removed.yml",
        include_str!("../../../rules/sigma/database/pg_event_trigger_removed.yml"),
    ),
    (
        "rules/sigma/database/pg_foreign_server_passwords.yml",
        include_str!("../../../rules/sigma/database/pg_foreign_server_passwords.yml"),
    ),
    ("rules/sigma/database/pg_job_scheduled.yml", include_str!("../../../rules/sigma/database/pg_job_scheduled.yml")),
    (
        "rules/sigma/database/pg_large_objects_read.yml",
        include_str!("../../../rules/sigma/database/pg_large_objects_read.yml"),
    ),
    (
        "rules/sigma/database/pg_password_hashes.yml",
        include_str!("../../../rules/sigma/database/pg_password_hashes.yml"),
    ),
    (
        "rules/sigma/database/pg_row_security_off.yml",
        include_str!("../../../rules/sigma/database/pg_row_security_off.yml"),
    ),
    (
        "rules/sigma/database/pg_row_security_removed.yml",
        include_str!("../../../rules/sigma/database/pg_row_security_removed.yml"),
    ),
    (
        "rules/sigma/database/pg_statistics_values.yml",
        include_str!("../../../rules/sigma/database/pg_statistics_values.yml"),
    ),
    (
        "rules/sigma/database/pg_subscription_passwords.yml",
        include_str!("../../../rules/sigma/database/pg_subscription_passwords.yml"),
    ),
    (
        "rules/sigma/database/pg_trigger_disabled.yml",
        include_str!("../../../rules/sigma/database/pg_trigger_disabled.yml"),
    ),
    (
        "rules/sigma/database/pg_trigger_on_store.yml",
        include_str!("../../../rules/sigma/database/pg_trigger_on_store.yml"),
    ),
    (
        "rules/sigma/database/pg_triggers_bypassed.yml",
        include_str!("../../../rules/sigma/database/pg_triggers_bypassed.yml"),
    ),
    (
        "rules/sigma/database/redis_administration_refused.yml",
        include_str!("../../../rules/sigma/database/redis_administration_refused.yml"),
    ),
    ("rules/sigma/database/redis_all_keys.yml", include_str!("../../../rules/sigma/database/redis_all_keys.yml")),
    ("rules/sigma/database/redis_keys_moved.yml", include_str!("../../../rules/sigma/database/redis_keys_moved.yml")),
    ("rules/sigma/database/server_opened.yml", include_str!("../../../rules/sigma/database/server_opened.yml")),
    ("rules/sigma/database/statistics_reset.yml", include_str!("../../../rules/sigma/database/statistics_reset.yml")),
    ("rules/sigma/database/store_sampled.yml", include_str!("../../../rules/sigma/database/store_sampled.yml")),
    (
        "rules/sigma/database/weak_password_storage.yml",
        include_str!("../../../rules/sigma/database/weak_password_storage.yml"),
    ),
    (
        "rules/sigma/egress/egress_cloud_storage.yml",
        include_str!("../../../rules/sigma/egress/egress_cloud_storage.yml"),
    ),
    ("rules/sigma/egress/egress_copy_tool.yml", include_str!("../../../rules/sigma/egress/egress_copy_tool.yml")),
    (
        "rules/sigma/egress/egress_database_account.yml",
        include_str!("../../../rules/sigma/egress/egress_database_account.yml"),
    ),
    (
        "rules/sigma/egress/egress_from_scratch_folder.yml",
        include_str!("../../../rules/sigma/egress/egress_from_scratch_folder.yml"),
    ),
    ("rules/sigma/egress/egress_messenger.yml", include_str!("../../../rules/sigma/egress/egress_messenger.yml")),
    (
        "rules/sigma/egress/egress_paste_or_drop.yml",
        include_str!("../../../rules/sigma/egress/egress_paste_or_drop.yml"),
    ),
    (
        "rules/sigma/egress/egress_shell_connects.yml",
        include_str!("../../../rules/sigma/egress/egress_shell_connects.yml"),
    ),
    (
        "rules/sigma/host/host_audit_configuration_changed.yml",
        include_str!("../../../rules/sigma/host/host_audit_configuration_changed.yml"),
    ),
    (
        "rules/sigma/host/host_data_directory_packed.yml",
        include_str!("../../../rules/sigma/host/host_data_directory_packed.yml"),
    ),
    ("rules/sigma/host/host_data_files_read.yml", include_str!("../../../rules/sigma/host/host_data_files_read.yml")),
    ("rules/sigma/host/host_dump_program.yml", include_str!("../../../rules/sigma/host/host_dump_program.yml")),
    ("rules/sigma/host/host_file_uploaded.yml", include_str!("../../../rules/sigma/host/host_file_uploaded.yml")),
    ("rules/sigma/web/web_attack_tool.yml", include_str!("../../../rules/sigma/web/web_attack_tool.yml")),
    (
        "rules/sigma/web/web_database_tool_opened.yml",
        include_str!("../../../rules/sigma/web/web_database_tool_opened.yml"),
    ),
    ("rules/sigma/web/web_dump_downloaded.yml", include_str!("../../../rules/sigma/web/web_dump_downloaded.yml")),
    ("rules/sigma/web/web_path_traversal.yml", include_str!("../../../rules/sigma/web/web_path_traversal.yml")),
    ("rules/sigma/web/web_secret_file_opened.yml", include_str!("../../../rules/sigma/web/web_secret_file_opened.yml")),
];

/// Field maps by their path, with their text.
pub const FIELDMAPS: &[(&str, &str)] = &[
    ("rules/fieldmaps/application.toml", include_str!("../../../rules/fieldmaps/application.toml")),
    ("rules/fieldmaps/database.toml", include_str!("../../../rules/fieldmaps/database.toml")),
    ("rules/fieldmaps/linux.toml", include_str!("../../../rules/fieldmaps/linux.toml")),
    ("rules/fieldmaps/proxy.toml", include_str!("../../../rules/fieldmaps/proxy.toml")),
    ("rules/fieldmaps/webserver.toml", include_str!("../../../rules/fieldmaps/webserver.toml")),
];
