package egress

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

const maxURL = 2048 // bytes

// parse reads an address and says what is wrong with it as far as its text tells.
func (c *Client) parse(raw string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrURL, len(raw), maxURL)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.ContainsFunc(raw, unicode.IsControl):
		// the error may quote a password
		return nil, fmt.Errorf("%w: it cannot be read", ErrURL)
	case c.cfg.HTTPSOnly && u.Scheme != "https":
		return nil, fmt.Errorf("%w: it must begin with https://", ErrURL)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: it must begin with http:// or https://", ErrURL)
	case u.User != nil:
		return nil, fmt.Errorf("%w: it must hold no user name and password", ErrURL)
	case u.Opaque != "" || u.Hostname() == "":
		return nil, fmt.Errorf("%w: it names no host", ErrURL)
	}
	if err := checkPort(u.Port()); err != nil {
		return nil, err
	}
	return u, c.checkHost(u.Hostname())
}

// checkPort leaves out what is below 1024 but for HTTP's own: mail, remote shells and the like,
// some of which take commands out of an HTTP request.
func checkPort(port string) error {
	if port == "" {
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n < 1024 && n != 80 && n != 443 {
		return fmt.Errorf("%w: its port must be 80, 443 or 1024 to 65535, is %s", ErrURL, port)
	}
	return nil
}

// checkHost judges a host by its text. What a name stands for is judged as it is dialled.
func (c *Client) checkHost(host string) error {
	name := plain(host)
	if strings.Contains(host, ":") || numeric(name) {
		// In one form only: what 127.1, 0177.0.0.1 or 2130706433 is, depends on who reads it.
		address, err := netip.ParseAddr(host)
		switch {
		case err != nil:
			return fmt.Errorf("%w: its host must be a name, or an address as in 192.0.2.1 or "+
				"[2001:db8::1], is %q", ErrURL, host)
		case !public(address) && !c.allowed.address(address):
			return fmt.Errorf("%w: %s is not a public address", ErrForbidden, address)
		}
		return nil
	}
	switch {
	case !isName(name):
		return fmt.Errorf(
			"%w: its host must be of letters, digits, dots and - (others as xn--…), is %q",
			ErrURL, host)
	case !c.allowed.names[name] && innerName(name):
		return fmt.Errorf("%w: %q is not a public host", ErrForbidden, name)
	}
	return nil
}

// plain is a host's name as it is compared: names do not tell cases apart, and may end with a dot.
func plain(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// isName says that a plain name is one of the DNS, of letters, digits, - and _. Go's HTTP client
// would make plain digits and dots of other scripts' ones; so a name in another script is to be
// sent as it is in the DNS.
func isName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// numeric says that a resolver may take a plain name for an IPv4 address: its last part is a
// number (WHATWG URL, 3.5).
func numeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// innerName says that a plain name cannot be a public host's: it is not even looked up. Names
// without a dot are those of containers and of the local domain.
func innerName(name string) bool {
	if !strings.Contains(name, ".") {
		return true
	}
	for _, zone := range []string{
		".localhost", ".local", ".internal", ".home.arpa", ".localdomain",
	} {
		if strings.HasSuffix(name, zone) {
			return true
		}
	}
	return false
}
