package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Config says which addresses that clients name are reached, and how.
type Config struct {
	URLs         bool          `yaml:"urls" help:"clients may name an image by its address (image_url)"`
	Callbacks    bool          `yaml:"callbacks" help:"clients may name an address that is told when their job has ended (callback_url); needs webhook.secret"`
	HTTPSOnly    bool          `yaml:"https_only" help:"addresses that clients name must be https"`
	Allow        string        `yaml:"allow" help:"comma-separated host names, addresses and networks (10.1.0.0/16) that clients may name although they are not public"`
	Timeout      time.Duration `yaml:"timeout" help:"time to fetch an image that a client named, redirects included"`
	MaxRedirects int           `yaml:"max_redirects" help:"redirects that are followed on the way to such an image"`
}

// DefaultConfig reaches nothing.
func DefaultConfig() Config {
	return Config{Timeout: 15 * time.Second, MaxRedirects: 3}
}

// Validate joins every fault; each starts with the key it is about.
func (c Config) Validate() error {
	var errs []error
	if _, err := parseAllow(c.Allow); err != nil {
		errs = append(errs, fmt.Errorf("allow: %w", err))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("timeout: must be more than 0, is %v", c.Timeout))
	}
	if c.MaxRedirects < 0 || c.MaxRedirects > 10 {
		errs = append(errs, fmt.Errorf("max_redirects: must be 0 to 10, is %d", c.MaxRedirects))
	}
	return errors.Join(errs...)
}

// allowed is what Config.Allow says.
type allowed struct {
	names    map[string]bool // as plain returns them
	networks []netip.Prefix
}

func parseAllow(list string) (allowed, error) {
	a := allowed{names: map[string]bool{}}
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		if network, err := netip.ParsePrefix(entry); err == nil {
			a.networks = append(a.networks, network.Masked())
		} else if address, err := netip.ParseAddr(entry); err == nil && address.Zone() == "" {
			a.networks = append(a.networks, netip.PrefixFrom(address, address.BitLen()))
		} else if name := plain(entry); isName(name) && !numeric(name) {
			a.names[name] = true
		} else {
			return allowed{}, fmt.Errorf(
				"must be host names, addresses and networks with commas between, has %q", entry)
		}
	}
	return a, nil
}

func (a allowed) address(address netip.Addr) bool {
	for _, network := range a.networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
