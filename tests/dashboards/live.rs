//! Every query of every dashboard against a real Prometheus.
