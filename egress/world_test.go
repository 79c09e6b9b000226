package egress

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a client whose names are those of a DNS server of the test, and whose way ends at the
// machine: connections to addresses that are not loopback are noted in place of made.
type world struct {
	*Client
	dns    *names
	mu     sync.Mutex
	dialed []string
}

var errNowhere = errors.New("no network in a test")

func newWorld(t *testing.T, cfg Config, log io.Writer) *world {
	t.Helper()
	c, err := New(cfg, slog.New(slog.NewTextHandler(log, nil)))
	must(t, err)
	w := &world{Client: c, dns: startNames(t)}
	check := c.checked.ControlContext
	c.checked.ControlContext = func(
		ctx context.Context, network, address string, raw syscall.RawConn,
	) error {
		if err := check(ctx, network, address, raw); err != nil {
			return err
		}
		if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().IsLoopback() {
			return nil
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.dialed = append(w.dialed, address)
		return errNowhere
	}
	c.checked.Resolver, c.trusted.Resolver = w.dns.resolver(), w.dns.resolver()
	return w
}

func (w *world) wantDialed(t *testing.T, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.dialed, want) {
		t.Errorf("connections were made to %v, want %v", w.dialed, want)
	}
	w.dialed = nil
}

// names is a DNS server on loopback. What it is asked for is a name's next addresses:
// the last of them stays.
type names struct {
	conn net.PacketConn
	mu   sync.Mutex
	all  map[string][]string
}

func startNames(t *testing.T) *names {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	must(t, err)
	n := &names{conn: conn, all: map[string][]string{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := make([]byte, 4096)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer, err := n.answer(buf[:size]); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	})
	t.Cleanup(func() { _ = conn.Close(); serving.Wait() })
	return n
}

func (n *names) set(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all[name+"."] = addresses
}

// next answers a question of a kind; only one for IPv4 takes an address off, so that a lookup,
// which asks for both, does it once.
func (n *names) next(q dnsmessage.Question) (a netip.Addr, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.all[strings.ToLower(q.Name.String())]
	if len(list) == 0 {
		return a, false
	}
	a = netip.MustParseAddr(list[0])
	if (q.Type == dnsmessage.TypeA) != a.Is4() {
		return netip.Addr{}, true
	}
	if len(list) > 1 {
		n.all[strings.ToLower(q.Name.String())] = list[1:]
	}
	return a, true
}

func (n *names) answer(question []byte) ([]byte, error) {
	var p dnsmessage.Parser
	header, err := p.Start(question)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	address, known := n.next(q)
	answer := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{q},
	}
	body := dnsmessage.ResourceBody(&dnsmessage.AAAAResource{AAAA: address.As16()})
	switch {
	case !known:
		answer.RCode = dnsmessage.RCodeNameError
		return answer.Pack()
	case !address.IsValid():
		return answer.Pack()
	case address.Is4():
		body = &dnsmessage.AResource{A: address.As4()}
	}
	answer.Answers = []dnsmessage.Resource{
		{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: body},
	}
	return answer.Pack()
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{
		PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", n.conn.LocalAddr().String())
		},
	}
}

// bait is a server inside, on both loopback addresses where there are two,
// that must see no request.
type bait struct {
	port string
	hits atomic.Int64
}

func startBait(t *testing.T) *bait {
	t.Helper()
	b := &bait{}
	serve := func(address string) error {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err != nil {
			return err
		}
		s := httptest.NewUnstartedServer(
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				b.hits.Add(1)
				_, _ = io.WriteString(w, "secret")
			}))
		_ = s.Listener.Close()
		s.Listener = l
		s.Start()
		t.Cleanup(s.Close)
		_, b.port, err = net.SplitHostPort(l.Addr().String())
		return err
	}
	must(t, serve("127.0.0.1:0"))
	if err := serve("[::1]:" + b.port); err != nil {
		t.Log("without IPv6:", err)
	}
	return b
}

func (b *bait) wantNoHit(t *testing.T) {
	t.Helper()
	if n := b.hits.Swap(0); n != 0 {
		t.Errorf("the server inside had %d requests", n)
	}
}

// front is a server that the client may reach, as front.example, with a handler of the test's.
func front(t *testing.T, w *world, handler http.HandlerFunc) (address string) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	w.dns.set("front.example", "127.0.0.1")
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	must(t, err)
	return "http://front.example:" + port
}

func frontConfig() Config {
	cfg := DefaultConfig()
	cfg.Allow = "front.example"
	return cfg
}
