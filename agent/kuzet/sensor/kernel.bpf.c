// SPDX-License-Identifier: GPL-2.0
/* What the kernel tells of processes and connections: who began what, and how many bytes went where.
 *
 * Kernel structures are named as far as they are used; their offsets are put right when the program is loaded (CO-RE).
 * The record's layout is read by agent/kuzet/sensor/record.rs; scripts/bpf.sh compiles this file. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

char LICENSE[] SEC("license") = "GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common { unsigned int inum; };
struct net { struct ns_common ns; };
typedef struct { struct net *net; } possible_net_t;
struct in6_addr { union { u8 u6_addr8[16]; } in6_u; };
struct sock_common {
	union { struct { u32 skc_daddr; u32 skc_rcv_saddr; }; };
	union { struct { u16 skc_dport; u16 skc_num; }; };
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};
struct sock { struct sock_common __sk_common; u8 sk_shutdown; u16 sk_protocol; };
struct inet_sock { u16 inet_sport; };
struct tcp_sock { u64 bytes_received; u64 bytes_acked; u64 bytes_sent; u64 bytes_retrans; };
struct kuid_t___k { unsigned int val; };
struct pid_ns;
struct upid { int nr; };
struct pid { struct upid numbers[1]; };
struct signal_struct { struct pid *pids[4]; };
struct task_struct {
	int pid;
	int tgid;
	u64 start_boottime;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct kuid_t___k loginuid;
	unsigned int sessionid;
	int exit_code;
	char comm[16];
};
struct linux_binprm { const char *filename; };
#pragma clang attribute pop

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7
#define RCV_SHUTDOWN 1

#define SECOND 1000000000ull
#define TOLD_BYTES (1 << 20)
#define PIDTYPE_SID 3

enum kind { EXEC = 1, EXIT = 2, OPEN = 3, GOING = 4, CLOSED = 5 };

/* Who: the process, by its number and when it began. */
struct who {
	u64 began;      /* nanoseconds since boot */
	u64 cgroup;
	u32 pid;
	u32 parent;
	u32 uid;
	u32 login;      /* the user who logged in; all ones: nobody */
	u32 session;    /* session of the terminal (sid) */
	u32 namespace;  /* of the network; 0 in records of processes */
	char name[16];
};

/* A record of a process is `who` and the path behind it; one of a connection is all of it. */
struct record {
	u16 kind;
	u16 protocol;
	u16 family;
	u16 inbound;    /* 0 no, 1 yes, 2 not known: it was there before */
	u64 at;         /* nanoseconds since boot */
	struct who who;
	union {
		struct {
			u64 socket;
			u64 opened;     /* nanoseconds since boot; 0: before the sensor */
			u64 sent;
			u64 received;
			u16 local_port;
			u16 remote_port;
			u16 state;      /* the state it was closed in */
			u16 unused;
			u8 local[16];
			u8 remote[16];
		} flow;
		char path[128];
	};
};

/* What is known of a socket. */
struct owned {
	struct who who;
	u64 socket;
	u64 opened;
	u64 told_at;
	u64 told_bytes;
	u64 sent;       /* given to the socket by programs */
	u32 inbound;
	u32 told;
	u8 to[16];      /* where the next datagram of an unconnected socket goes */
	u16 to_port;
};

/* Datagrams of a socket to one address. */
struct datagrams_key { u64 socket; u8 remote[16]; u16 remote_port; u16 family; u16 protocol; u16 unused; };
struct datagrams {
	struct who who;
	u64 opened;
	u64 latest;
	u64 sent;
	u64 count;
	u8 local[16];
	u16 local_port;
};

struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct owned); } sockets SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4 << 20); } records SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 65536); __type(key, struct datagrams_key); __type(value, struct datagrams); } datagram_flows SEC(".maps");
/* 0: records lost because the ring was full. */
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, u64); } lost SEC(".maps");

static __always_inline void fill(struct who *who)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct task_struct *leader = task->group_leader;

	who->pid = task->tgid;
	who->began = leader->start_boottime;
	who->parent = leader->real_parent->tgid;
	who->uid = (u32)bpf_get_current_uid_gid();
	who->login = task->loginuid.val;
	who->session = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID], numbers[0].nr);
	who->cgroup = bpf_get_current_cgroup_id();
	bpf_probe_read_kernel(who->name, sizeof who->name, leader->comm);
}

static __always_inline struct record *begin(u16 kind)
{
	struct record *record = bpf_ringbuf_reserve(&records, sizeof *record, 0);

	if (!record) {
		u32 zero = 0;
		u64 *count = bpf_map_lookup_elem(&lost, &zero);
		if (count)
			(*count)++;
		return 0;
	}
	record->kind = kind;
	record->protocol = record->family = record->inbound = 0;
	record->at = bpf_ktime_get_boot_ns();
	return record;
}

/* Nobody is woken for a record: the reader looks several times a second. Only a half-full ring wakes it. */
static __always_inline void end(struct record *record)
{
	u64 flag = bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > (2 << 20) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	bpf_ringbuf_submit(record, flag);
}

static __always_inline void addresses(struct sock *sk, u16 family, u8 *local, u8 *remote)
{
	if (family == AF_INET) {
		__builtin_memset(local, 0, 16);
		__builtin_memset(remote, 0, 16);
		*(u32 *)local = sk->__sk_common.skc_rcv_saddr;
		*(u32 *)remote = sk->__sk_common.skc_daddr;
	} else {
		bpf_probe_read_kernel(local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

static __always_inline void tell(struct sock *sk, struct owned *owned, u16 kind, u16 state)
{
	struct record *record = begin(kind);
	struct tcp_sock *tcp;

	if (!record)
		return;
	record->protocol = IPPROTO_TCP;
	record->family = sk->__sk_common.skc_family;
	record->inbound = owned->inbound;
	record->who = owned->who;
	record->flow.socket = owned->socket;
	record->flow.opened = owned->opened;
	tcp = (struct tcp_sock *)bpf_skc_to_tcp_sock(sk);
	record->flow.received = tcp ? tcp->bytes_received : 0;
	/* The end of what the other side sends counts as a byte. */
	if (record->flow.received && sk->sk_shutdown & RCV_SHUTDOWN)
		record->flow.received--;
	/* What was acknowledged counts the request for the connection and its end as a byte each. What programs gave to
	 * the socket is exact, but holds what never arrived. */
	record->flow.sent = tcp ? tcp->bytes_acked : 0;
	if (owned->opened ? kind != CLOSED || owned->sent < record->flow.sent : owned->sent > record->flow.sent)
		record->flow.sent = owned->sent;
	/* The port itself is given back before the state changes. */
	record->flow.local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	record->flow.remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	record->flow.state = state;
	record->flow.unused = 0;
	addresses(sk, record->family, record->flow.local, record->flow.remote);
	owned->told_at = record->at;
	owned->told_bytes = owned->sent;
	owned->told = 1;
	end(record);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int old, int new)
{
	u16 family = sk->__sk_common.skc_family;
	struct owned *owned;

	if (new != TCP_SYN_SENT && new != TCP_CLOSE && !(new == TCP_ESTABLISHED && old == TCP_SYN_RECV))
		return 0;
	if ((family != AF_INET && family != AF_INET6) || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (new == TCP_CLOSE) {
		owned = bpf_sk_storage_get(&sockets, sk, 0, 0);
		/* A socket that nobody used is told when it was refused. */
		if (owned && (owned->told || owned->who.pid))
			tell(sk, owned, CLOSED, old);
		return 0;
	}
	owned = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!owned)
		return 0;
	owned->socket = bpf_get_socket_cookie(sk);
	owned->opened = bpf_ktime_get_boot_ns();
	owned->inbound = new == TCP_ESTABLISHED;
	if (!owned->inbound) {
		fill(&owned->who);
		owned->who.namespace = sk->__sk_common.skc_net.net->ns.inum;
	}
	return 0;
}

static __always_inline int datagram(struct sock *sk, u16 family, u16 protocol, int bytes)
{
	struct owned *owned = bpf_sk_storage_get(&sockets, sk, 0, 0);
	struct datagrams_key key = {};
	struct datagrams *flow, new = {};

	key.socket = bpf_get_socket_cookie(sk);
	key.family = family;
	key.protocol = protocol;
	addresses(sk, family, new.local, key.remote);
	key.remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (!key.remote_port && owned) {
		__builtin_memcpy(key.remote, owned->to, 16);
		key.remote_port = owned->to_port;
	}
	flow = bpf_map_lookup_elem(&datagram_flows, &key);
	if (flow) {
		flow->sent += bytes;
		flow->count++;
		flow->latest = bpf_ktime_get_boot_ns();
		return 0;
	}
	fill(&new.who);
	new.who.namespace = sk->__sk_common.skc_net.net->ns.inum;
	new.opened = new.latest = bpf_ktime_get_boot_ns();
	new.sent = bytes;
	new.count = 1;
	new.local_port = sk->__sk_common.skc_num;
	bpf_map_update_elem(&datagram_flows, &key, &new, BPF_ANY);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_send, struct sock *sk, int ret, int flags)
{
	u16 family = sk->__sk_common.skc_family;
	struct owned *owned;
	u64 now;

	if (ret <= 0 || (family != AF_INET && family != AF_INET6))
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP)
		return datagram(sk, family, sk->sk_protocol, ret);
	owned = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!owned)
		return 0;
	if (!owned->who.pid) {
		fill(&owned->who);
		owned->who.namespace = sk->__sk_common.skc_net.net->ns.inum;
	}
	if (!owned->socket) {
		owned->socket = bpf_get_socket_cookie(sk);
		owned->inbound = 2;
	}
	owned->sent += ret;
	now = bpf_ktime_get_boot_ns();
	if (!owned->told || now - owned->told_at > 5 * SECOND || owned->sent - owned->told_bytes >= TOLD_BYTES)
		tell(sk, owned, owned->told ? GOING : OPEN, 0);
	return 0;
}

static __always_inline int aimed(struct bpf_sock_addr *ctx, u32 a, u32 b, u32 c, u32 d)
{
	struct bpf_sock *sk = ctx->sk;
	struct owned *owned;

	if (!sk)
		return 1;
	owned = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owned) {
		u32 to[4] = { a, b, c, d };
		__builtin_memcpy(owned->to, to, 16);
		owned->to_port = bpf_ntohs((u16)ctx->user_port);
	}
	return 1;
}

SEC("cgroup/sendmsg4")
int datagram_to4(struct bpf_sock_addr *ctx)
{
	return aimed(ctx, ctx->user_ip4, 0, 0, 0);
}

SEC("cgroup/sendmsg6")
int datagram_to6(struct bpf_sock_addr *ctx)
{
	return aimed(ctx, ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old, struct linux_binprm *binprm)
{
	struct record *record = begin(EXEC);

	if (!record)
		return 0;
	fill(&record->who);
	record->who.namespace = 0;
	bpf_probe_read_kernel_str(record->path, sizeof record->path, binprm->filename);
	end(record);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct record *record;

	if (task->pid != task->tgid)
		return 0;
	record = begin(EXIT);
	if (!record)
		return 0;
	fill(&record->who);
	record->who.namespace = 0;
	record->path[0] = 0;
	end(record);
	return 0;
}
