package predict

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"bgremove/httpserver"
)

// Config is the predictor's: where it listens, how its clients reach it, and how
// much it takes on at once.
type Config struct {
	Addr    string        `yaml:"addr" help:"address the predictor listens on (host:port)"`
	URL     string        `yaml:"url" secret:"urls" help:"where batch workers reach the predictors: http:// or https:// addresses, separated by commas"`
	Slots   int           `yaml:"slots" help:"images worked on at the same time; 0 means one per CPU core"`
	MaxWait time.Duration `yaml:"max_wait" help:"how long a request may wait for a free slot before it is answered 503"`
	Timeout time.Duration `yaml:"timeout" help:"how long one prediction may take, slot wait included"`
}

// DefaultConfig listens on loopback port 5001 with one slot per core.
func DefaultConfig() Config {
	return Config{
		Addr:    "127.0.0.1:5001",
		URL:     "http://127.0.0.1:5001",
		MaxWait: 30 * time.Second,
		Timeout: 10 * time.Minute,
	}
}

// URLs are the addresses that URL lists.
func (c Config) URLs() []string {
	list := strings.Split(c.URL, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// memberName is a predictor's address as logs and metrics show it: without a
// user's name and password.
func memberName(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", errors.New("not an http:// or https:// address")
	}
	u.User = nil
	return strings.TrimSuffix(u.String(), "/"), nil
}

// Validate joins every fault; each starts with the key it is about.
func (c Config) Validate() error {
	var errs []error
	if err := httpserver.CheckAddr(c.Addr); err != nil {
		errs = append(errs, fmt.Errorf("addr: %w", err))
	}
	seen := map[string]bool{}
	for _, address := range c.URLs() {
		name, err := memberName(address)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("url: must be an http:// or https:// address, or "+
				"several separated by commas, is %q", address))
		case seen[name]:
			errs = append(errs, fmt.Errorf("url: lists %q twice", address))
		}
		seen[name] = true
	}
	if c.Slots < 0 || c.Slots > 1024 {
		errs = append(errs, fmt.Errorf("slots: must be 0 (one per core) to 1024, is %d", c.Slots))
	}
	if c.MaxWait < 0 {
		errs = append(errs, fmt.Errorf("max_wait: must not be negative, is %v", c.MaxWait))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("timeout: must be more than 0, is %v", c.Timeout))
	}
	return errors.Join(errs...)
}
