// SPDX-License-Identifier: GPL-2.0
/* What the kernel tells of processes and connections: who began what, how many bytes went where, and which were the first.
 *
 * Kernel structures are named as far as they are used; their offsets are put right when the program is loaded (CO-RE).
 * The layout of records and pieces is read by agent/kuzet/sensor/record.rs; scripts/bpf.sh compiles this file. */
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
struct sock { struct sock_common __sk_common; u8 sk_shutdown; u16 sk_protocol; u16 sk_type; };
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

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define LOOPBACK 1 /* number of this interface in every network namespace */
#define DNS 53
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define TCP_SYN 2
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7
#define RCV_SHUTDOWN 1

#define SECOND 1000000000ull
#define TOLD_BYTES (1 << 20)
#define PIDTYPE_SID 3

/* How much of what is sent is told: of TLS its first message, of what is not TLS more, of datagrams the first to each
 * receiver. What goes beyond `BUDGET` in a second is counted; clear text may use half of it, so that names are left room. */
#define PIECE 4096
#define FIRST 4096
#define CLEAR (64 << 10)
#define DATAGRAM 1500
#define DATAGRAMS 3
#define BUDGET (8 << 20)

enum kind { EXEC = 1, OPEN = 3, GOING = 4, CLOSED = 5 };

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
	union {
		struct {
			u32 first;      /* number of the first byte sent */
			u32 copied;     /* bytes behind it that were told or counted */
			u32 limit;      /* bytes that are told; 0: none was sent yet */
		} stream;
		struct {
			u8 to[16];      /* where the latest datagram went */
			u16 to_port;
			u16 aimed;      /* one went */
			u32 sent;       /* datagrams to it */
			u32 answers;    /* datagrams from name servers */
		} datagrams;
	};
};

/* First bytes of a connection, or a datagram: this, and the bytes behind it. */
struct piece {
	u64 at;         /* nanoseconds since boot */
	u64 socket;
	u64 offset;     /* of a connection: in what it sent; else the number of the datagram */
	u32 namespace;
	u16 length;
	u16 protocol;
	u16 family;
	u16 inbound;
	u16 local_port;
	u16 remote_port;
	u8 local[16];
	u8 remote[16];
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
/* A ring of their own: first bytes cannot drive out records. */
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 2 << 20); } pieces SEC(".maps");
/* Processes that were forked lately, by their number: one that starts no program of its own is in no record. */
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 8192); __type(key, u32); __type(value, struct who); } forks SEC(".maps");
/* What was lost because a ring was full, and pieces beyond the budget: how many, and their bytes. */
enum lost { RECORDS, PIECES, UNAFFORDED, LOST };
struct loss { u64 number; u64 bytes; };
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, LOST); __type(key, u32); __type(value, struct loss); } lost SEC(".maps");

/* Whether what stays on this host is told as well; set by the loader. */
const volatile u8 loopback = 0;
/* The running second and the bytes told in it. */
u64 second, spent;

static __always_inline void lose(u32 what, u64 bytes)
{
	struct loss *loss = bpf_map_lookup_elem(&lost, &what);

	if (loss) {
		loss->number++;
		loss->bytes += bytes;
	}
}

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
		lose(RECORDS, 0);
		return 0;
	}
	record->kind = kind;
	record->protocol = record->family = record->inbound = 0;
	record->at = bpf_ktime_get_boot_ns();
	return record;
}

/* The reader is woken for the first record after those that it has read, and then lets some gather: only each `part` that
 * waits wakes it earlier, of pieces early, as the agent takes less at once than their ring holds. */
#define RECORDS_WAKE (1 << 20)
#define PIECES_WAKE (256 << 10)
static __always_inline u64 waking(void *ring, u64 bytes, u64 part)
{
	u64 waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	return waiting / part != (waiting - bytes) / part ? BPF_RB_FORCE_WAKEUP : 0;
}

static __always_inline void end(struct record *record)
{
	bpf_ringbuf_submit(record, waking(&records, sizeof *record, RECORDS_WAKE));
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
	/* A socket can be used again. */
	owned->sent = owned->told_bytes = owned->told = 0;
	owned->stream.copied = owned->stream.limit = 0;
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
	/* A connected socket may send elsewhere too. */
	if (owned && owned->datagrams.aimed) {
		__builtin_memcpy(key.remote, owned->datagrams.to, 16);
		key.remote_port = owned->datagrams.to_port;
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
	/* A raw socket has the number of its protocol there. */
	new.local_port = sk->sk_type == SOCK_RAW ? 0 : sk->__sk_common.skc_num;
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
	/* A program may also make its own packets of TCP. */
	if (sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM)
		return datagram(sk, family, sk->sk_protocol, ret);
	owned = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!owned)
		return 0;
	/* Whoever began it has it; of those that others begin, who answers: sshd hands one on from account to account. */
	if (!owned->who.pid || (owned->inbound && owned->who.pid != bpf_get_current_pid_tgid() >> 32)) {
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

/* Reads the headers of a packet: addresses and ports into `piece`. Gives where the payload begins; 0: it is none that is
 * looked at. */
static __always_inline u32 headers(struct __sk_buff *skb, u8 protocol, const int inbound, struct piece *piece)
{
	u8 *from = inbound ? piece->remote : piece->local, *to = inbound ? piece->local : piece->remote;
	u8 next[2] = {};
	u16 ports[2] = {};
	u32 begin;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		piece->family = AF_INET;
		if (bpf_skb_load_bytes(skb, 0, next, 1) || bpf_skb_load_bytes(skb, 12, from, 4) || bpf_skb_load_bytes(skb, 16, to, 4))
			return 0;
		begin = (next[0] & 15) * 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		piece->family = AF_INET6;
		if (bpf_skb_load_bytes(skb, 6, next, 1) || bpf_skb_load_bytes(skb, 8, from, 16) || bpf_skb_load_bytes(skb, 24, to, 16))
			return 0;
		begin = 40;
		/* Options may stand between. */
		for (int i = 0; i < 4 && next[0] != protocol; i++) {
			if ((next[0] != 0 && next[0] != 43 && next[0] != 60) || bpf_skb_load_bytes(skb, begin, next, 2))
				break;
			begin += (next[1] + 1) * 8;
		}
		if (next[0] != protocol && (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP))
			return 0;
	} else {
		return 0;
	}
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return begin;
	if (bpf_skb_load_bytes(skb, begin, ports, 4))
		return 0;
	piece->protocol = protocol;
	piece->inbound = inbound;
	piece->local_port = bpf_ntohs(inbound ? ports[1] : ports[0]);
	piece->remote_port = bpf_ntohs(inbound ? ports[0] : ports[1]);
	return begin;
}

/* Tells `length` bytes at `from` in a room of `room` bytes: the ring takes no length that is not known beforehand. */
static __always_inline void give(struct __sk_buff *skb, u32 from, u32 length, const u32 room, struct piece *piece)
{
	struct piece *given = bpf_ringbuf_reserve(&pieces, sizeof *given + room, 0);

	if (!given) {
		lose(PIECES, length);
		return;
	}
	*given = *piece;
	asm volatile("" : "+r"(length));
	if (length == 0 || length > room || bpf_skb_load_bytes(skb, from, given + 1, length)) {
		bpf_ringbuf_discard(given, BPF_RB_NO_WAKEUP);
		return;
	}
	bpf_ringbuf_submit(given, waking(&pieces, sizeof *given + room, PIECES_WAKE));
}

/* Not static: it is verified by itself, not once for each way that leads to it. */
__noinline int tell_piece(struct __sk_buff *skb, u32 from, u32 length, u32 budget, struct piece *piece)
{
	u64 now;

	if (!piece)
		return 0;
	piece->at = bpf_ktime_get_boot_ns();
	piece->length = length;
	now = piece->at / SECOND;
	if (second != now) {
		second = now;
		spent = 0;
	}
	if (spent + length > budget) {
		lose(UNAFFORDED, length);
		return 0;
	}
	__sync_fetch_and_add(&spent, length);
	if (length <= 256)
		give(skb, from, length, 256, piece);
	else if (length <= 768)
		give(skb, from, length, 768, piece);
	else if (length <= 1536)
		give(skb, from, length, 1536, piece);
	else
		give(skb, from, length, PIECE, piece);
	return 0;
}

static __always_inline void who_sent(struct __sk_buff *skb, struct bpf_sock *sk, struct piece *piece)
{
	struct sock *kernels = 0;

	piece->socket = bpf_get_socket_cookie(skb);
	/* What programs of this kind may see of a socket is not enough; the whole of it is at the same address. */
	bpf_probe_read_kernel(&kernels, sizeof kernels, &sk);
	piece->namespace = BPF_CORE_READ(kernels, __sk_common.skc_net.net, ns.inum);
}

static __always_inline void stream_sent(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct owned *owned = bpf_sk_storage_get(&sockets, sk, 0, 0);
	struct piece piece = {};
	u32 begin, number, again, left, at;
	u8 flags[2], byte;

	/* What was there before the sensor has no known beginning. */
	if (!owned || !owned->opened || (owned->stream.limit && owned->stream.copied >= owned->stream.limit))
		return;
	begin = headers(skb, IPPROTO_TCP, 0, &piece);
	if (!begin || bpf_skb_load_bytes(skb, begin + 4, &number, 4) || bpf_skb_load_bytes(skb, begin + 12, flags, 2))
		return;
	/* The request for a connection counts as a byte, and may have others behind it. */
	number = bpf_ntohl(number) + (flags[1] & TCP_SYN ? 1 : 0);
	begin += (flags[0] >> 4) * 4;
	if (skb->len <= begin)
		return;
	left = skb->len - begin;
	/* Bytes leave in their order for the first time; later they may come again. */
	if (!owned->stream.limit) {
		owned->stream.first = number;
		owned->stream.limit = FIRST;
	}
	again = owned->stream.first + owned->stream.copied - number;
	if (again >= left)
		return;
	begin += again;
	left -= again;
	/* A record of TLS begins 22, 3: whatever does not is read on. */
	at = owned->stream.copied;
	if (at == 0 && !bpf_skb_load_bytes(skb, begin, &byte, 1) && byte != 22)
		owned->stream.limit = CLEAR;
	if (at < 2 && at + left > 1 && !bpf_skb_load_bytes(skb, begin + 1 - at, &byte, 1) && byte != 3)
		owned->stream.limit = CLEAR;
	if (left > owned->stream.limit - at)
		left = owned->stream.limit - at;
	owned->stream.copied = at + left;
	who_sent(skb, sk, &piece);
	for (int i = 0; i < CLEAR / PIECE && left; i++) {
		u32 length = left < PIECE ? left : PIECE;

		piece.offset = at;
		tell_piece(skb, begin, length, at < FIRST ? BUDGET : BUDGET / 2, &piece);
		at += length;
		begin += length;
		left -= length;
	}
}

static __always_inline int same(const u8 *one, const u8 *other)
{
	const u64 *a = (const void *)one, *b = (const void *)other;

	return a[0] == b[0] && a[1] == b[1];
}

static __always_inline void datagram_sent(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct owned *owned = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct datagrams_key key = {};
	struct datagrams *flow;
	struct piece piece = {};
	u32 begin, left, each;

	if (!owned)
		return;
	begin = headers(skb, sk->protocol, 0, &piece);
	if (!begin)
		return;
	/* A socket of IPv6 names receivers of IPv4 in its own way. */
	if (piece.family == sk->family) {
		__builtin_memcpy(key.remote, piece.remote, 16);
	} else {
		key.remote[10] = key.remote[11] = 0xff;
		__builtin_memcpy(key.remote + 12, piece.remote, 4);
	}
	key.remote_port = piece.remote_port;
	if (!owned->datagrams.aimed || owned->datagrams.to_port != key.remote_port || !same(owned->datagrams.to, key.remote)) {
		key.socket = bpf_get_socket_cookie(skb);
		key.family = sk->family;
		key.protocol = sk->protocol;
		flow = bpf_map_lookup_elem(&datagram_flows, &key);
		__builtin_memcpy(owned->datagrams.to, key.remote, 16);
		owned->datagrams.to_port = key.remote_port;
		owned->datagrams.aimed = 1;
		owned->datagrams.sent = flow ? flow->count : 0;
	}
	if (sk->protocol != IPPROTO_UDP || (skb->ifindex == LOOPBACK && !loopback))
		return;
	if (owned->datagrams.sent >= DATAGRAMS && piece.remote_port != DNS)
		return;
	begin += 8;
	if (skb->len <= begin)
		return;
	left = skb->len - begin;
	/* What is one packet here may be many on the wire. */
	each = skb->gso_size && skb->gso_size < left ? skb->gso_size : left;
	who_sent(skb, sk, &piece);
	for (int i = 0; i < DATAGRAMS && left; i++) {
		u32 length = each < left ? each : left;

		piece.offset = owned->datagrams.sent++;
		tell_piece(skb, begin, length < DATAGRAM ? length : DATAGRAM, BUDGET, &piece);
		begin += length;
		left -= length;
	}
}

SEC("cgroup_skb/egress")
int packet_sent(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (sk)
		sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	if (sk->protocol != IPPROTO_TCP || sk->type != SOCK_STREAM)
		datagram_sent(skb, sk);
	else if (skb->ifindex != LOOPBACK || loopback)
		stream_sent(skb, sk);
	return 1;
}

/* Answers of name servers. */
SEC("cgroup_skb/ingress")
int packet_received(struct __sk_buff *skb)
{
	struct piece piece = {};
	struct bpf_sock *sk = skb->sk;
	struct owned *owned;
	u32 begin, length;

	if (sk)
		sk = bpf_sk_fullsock(sk);
	if (!sk || sk->protocol != IPPROTO_UDP || (skb->ifindex == LOOPBACK && !loopback))
		return 1;
	begin = headers(skb, IPPROTO_UDP, 1, &piece);
	if (!begin || piece.remote_port != DNS || skb->len <= begin + 8)
		return 1;
	owned = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!owned)
		return 1;
	length = skb->len - begin - 8;
	piece.offset = owned->datagrams.answers++;
	who_sent(skb, sk, &piece);
	tell_piece(skb, begin + 8, length < DATAGRAM ? length : DATAGRAM, BUDGET, &piece);
	return 1;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 pid = child->tgid;
	struct who who = {};

	/* A thread is no process. */
	if (pid == parent->tgid)
		return 0;
	fill(&who);
	who.parent = who.pid;
	who.pid = pid;
	who.began = child->start_boottime;
	bpf_map_update_elem(&forks, &pid, &who, BPF_ANY);
	return 0;
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
