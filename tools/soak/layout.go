package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"bgremove/tools/fleet"
)

const (
	modeSplit = "split"
	modeAll   = "all"

	lease = 3 * time.Second // short, so that the job of a killed worker goes to another soon
)

// queueFlags are of every part that has to do with the queue. A job is hit by kills again and
// again, and each takes an attempt of it: that it runs out of them is no fault, so it has plenty.
// Results are kept for a short time only, and images that no job knows of any more for a few
// minutes, so that memory reaches its level early in the soak.
func queueFlags(more ...string) []string {
	return append([]string{
		"--queue-lease=" + lease.String(), "--queue-max-attempts=100", "--queue-result-ttl=30s",
		"--queue-deadline=10m", "--queue-dead-ttl=1m",
	}, more...)
}

// noCache: there are eight pictures, and each is to be worked on.
const noCache = "--proxy-cache=false"

// layout is the fleet that is soaked, and how to reach its parts.
type layout struct {
	*fleet.Fleet
	parts      []*fleet.Part // all but Redis
	redis      *fleet.Part   // nil in mode all
	proxies    []string      // http://host:port
	predictors []string
}

func newLayout(o options, dir string, rec *record) (*layout, error) {
	l := &layout{Fleet: fleet.New(o.binary, dir,
		func(format string, args ...any) { rec.say("PROCESS "+format, args...) })}
	addrs, err := fleet.FreeAddrs(7)
	if err != nil {
		return nil, err
	}
	if o.mode == modeAll {
		l.addAll(addrs, dir)
	} else {
		l.addSplit(addrs)
	}
	return l, nil
}

// addAll adds one process with everything in it.
func (l *layout) addAll(addrs []string, dir string) {
	all := l.Serve("all", "all", addrs[0], queueFlags(noCache, "--predict-addr="+addrs[1],
		"--queue-data-dir="+filepath.Join(dir, "data"))...)
	l.parts, l.proxies, l.predictors = l.Parts, []string{all.URL}, []string{"http://" + addrs[1]}
}

// addSplit adds Redis with its append-only file, and two of each part.
func (l *layout) addSplit(addrs []string) {
	l.redis = l.Redis(addrs[0], "--appendonly", "yes", "--appendfsync", "everysec",
		"--maxmemory-policy", "noeviction")
	two := func(what string, addrs []string, args ...string) (urls []string) {
		for i, addr := range addrs {
			urls = append(urls, l.Serve(fmt.Sprintf("%s-%d", what, i+1), what, addr, args...).URL)
		}
		return urls
	}
	url := "--queue-url=" + l.redis.URL
	l.predictors = two("predict", addrs[1:3])
	two("batch", addrs[3:5],
		queueFlags(url, "--predict-url="+strings.Join(l.predictors, ","), "--batch-workers=4")...)
	l.proxies = two("proxy", addrs[5:], queueFlags(url, noCache)...)
	l.parts = l.Parts[1:]
}
