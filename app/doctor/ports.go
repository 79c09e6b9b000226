package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"bgremove/app"
	"bgremove/app/settings"
	"bgremove/predict"
)

// that what holds a port has to say what it is: readiness takes 800 ms, and there are three ports
const answerTime = 1200 * time.Millisecond

// listener is an address that a part listens on.
type listener struct {
	key, addr string
	tls       bool
}

func (d *doctor) listeners() (list []listener) {
	if d.hasProxy() {
		list = append(list, listener{"proxy.addr", d.cfg.Proxy.Addr, d.cfg.Proxy.TLSCert != ""})
	}
	if d.predicts() {
		list = append(list, listener{"predict.addr", d.cfg.Predict.Addr, false})
	}
	if d.part == "batch" && d.cfg.Batch.Addr != "" {
		list = append(list, listener{"batch.addr", d.cfg.Batch.Addr, false})
	}
	if d.cfg.Debug.Addr != "" {
		list = append(list, listener{"debug.addr", d.cfg.Debug.Addr, false})
	}
	return list
}

// ports takes each address for a moment. All are held until the last was taken: two
// settings may name the same.
func (d *doctor) ports(ctx context.Context) (found []finding) {
	taken := map[string]string{} // port to key
	for _, l := range d.listeners() {
		held, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.addr)
		_, port, _ := net.SplitHostPort(l.addr)
		if err != nil {
			found = append(found, l.taken(ctx, err, taken[port]))
			continue
		}
		defer held.Close()
		if port != "0" {
			taken[port] = l.key
		}
		found = append(found, ok(l.name(), "%s is free", l.addr))
	}
	return found
}

func (l listener) name() string { return "port " + l.key }

// taken explains why the address cannot be had; other is the setting that has
// its port too, if one has.
func (l listener) taken(ctx context.Context, err error, other string) finding {
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && other != "":
		return fail(l.name(), l.addr+" is also that of "+other, "give "+l.key+" a port of its own")
	case errors.Is(err, syscall.EADDRINUSE):
		holder, state := l.bgremove(ctx)
		switch held := fmt.Sprintf("%s is held by a running bgremove's %s, whose readiness is %q",
			l.addr, holder, state); holder {
		case "":
		case l.key:
			return warn(l.name(), held,
				"nothing if that is the service itself; a second one needs another "+l.key)
		default:
			return fail(l.name(), held, "give "+l.key+" another port")
		}
		return fail(l.name(), l.addr+" is taken by something that is no bgremove",
			"end it (ss -ltnp tells what it is), or give "+l.key+" another port")
	case errors.Is(err, syscall.EACCES):
		return fail(l.name(), l.addr+": this user may not listen there",
			"give "+l.key+" a port above 1023, or the service CAP_NET_BIND_SERVICE")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fail(l.name(), l.addr+" is no address of this machine",
			"give "+l.key+" one that ip addr lists, or 0.0.0.0 for all")
	}
	return fail(l.name(), err.Error(), "give "+l.key+" an address of this machine and a free port")
}

// bgremove says which listener of a running bgremove's holds the address, by what it checks, and
// the readiness that it tells. Both are empty where what answers is none.
func (l listener) bgremove(ctx context.Context) (key, readiness string) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, body, err := app.AskHealth(ctx, app.LocalURL(l.addr, l.tls)+"/readyz", true)
	var answer struct {
		Status string
		Checks map[string]string
	}
	if err != nil || json.Unmarshal(body, &answer) != nil || answer.Checks == nil {
		return "", ""
	}
	_, queue := answer.Checks["queue"]
	_, predictor := answer.Checks["predictor"]
	switch {
	case queue && predictor:
		return "batch.addr", answer.Status
	case queue:
		return "proxy.addr", answer.Status
	case predictor:
		return "predict.addr", answer.Status
	}
	return "debug.addr", answer.Status
}

// predictors asks each that batch would send pictures to.
func (d *doctor) predictors(ctx context.Context) (found []finding) {
	const name = "predictor"
	urls := d.cfg.Predict.URLs()
	errs := make([]error, len(urls))
	done := make(chan int)
	for i, url := range urls {
		go func() {
			client := predict.NewClient(url, checkLimit)
			errs[i] = client.Healthy(ctx)
			client.Close()
			done <- i
		}()
	}
	up := 0
	for range urls {
		if errs[<-done] == nil {
			up++
		}
	}
	for i, url := range urls {
		advice := "start serve predict there, or correct predict.url; jobs wait until one answers"
		switch {
		case errs[i] == nil:
			found = append(found, ok(name, "%s answers", settings.RedactURL(url)))
		case up > 0:
			found = append(found,
				warn(name, fmt.Sprintf("%s: %s", settings.RedactURL(url), reason(errs[i])), advice))
		case d.part == "all":
			found = append(found,
				warn(name, fmt.Sprintf("%s: %s", settings.RedactURL(url), reason(errs[i])),
					"serve all has its own predictor and asks none of predict.url; take it out, "+
						"or run serve batch"))
		default:
			found = append(found,
				fail(name, fmt.Sprintf("%s: %s", settings.RedactURL(url), reason(errs[i])), advice))
		}
	}
	return found
}
