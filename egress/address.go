package egress

import (
	"net"
	"net/netip"
)

// inner4 are the IPv4 networks that are not of the public internet (IANA's registry of
// special-purpose addresses, RFC 6890), and one that is and leads inside all the same.
var inner4 = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this host
	netip.MustParsePrefix("10.0.0.0/8"),       // private
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier NAT; Alibaba's metadata
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's host
	netip.MustParsePrefix("169.254.0.0/16"),   // link-local; metadata of most clouds
	netip.MustParsePrefix("172.16.0.0/12"),    // private
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments; Oracle's metadata
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),   // private
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, broadcast
}

// global6 are the only IPv6 addresses given out so far, but for those of inner6. Loopback, ULA,
// link-local, site-local, multicast, NAT64 and every form with an IPv4 address in it but 6to4
// and Teredo lie outside.
var (
	global6 = []netip.Prefix{netip.MustParsePrefix("2000::/3")}
	inner6  = []netip.Prefix{
		netip.MustParsePrefix("2001::/23"),     // protocol assignments: Teredo, benchmarks, ORCHID
		netip.MustParsePrefix("2001:db8::/32"), // documentation
		netip.MustParsePrefix("2002::/16"),     // 6to4
		netip.MustParsePrefix("3fff::/20"),     // documentation
	}
)

// public says that an address is one of the public internet.
func public(a netip.Addr) bool {
	if a.Is4() {
		return !within(inner4, a)
	}
	return a.Zone() == "" && within(global6, a) && !within(inner6, a)
}

func within(networks []netip.Prefix, a netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// ours says that an address is this machine's, or of an IPv6 network that it is in: these
// are public by their number, but what listens there may count on a firewall that is on
// the way of others only.
func ours(a netip.Addr) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true // it cannot be ruled out
	}
	for _, address := range addresses {
		network, ok := address.(*net.IPNet)
		if ok && (network.IP.Equal(a.AsSlice()) || a.Is6() && network.Contains(a.AsSlice())) {
			return true
		}
	}
	return false
}
