package egress

import (
	"net/netip"
	"testing"
)

func TestOutside(t *testing.T) {
	for addr, want := range map[string]bool{
		"9.9.9.9": true, "2620:fe::fe": true, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "127.0.0.1": false, "169.254.169.254": false,
		"0.0.0.0": false, "0.1.2.3": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "::": false, "::1": false, "fe80::1": false, "fd00::1": false,
		"::ffff:10.0.0.1": false, "::ffff:9.9.9.9": true, "64:ff9b::a00:1": false, "2002:a00:1::": false, "::10.0.0.1": false,
	} {
		if got := outside(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s outside: %v", addr, got)
		}
	}
}

// Whatever a host looks like, what is listed is in one form, and finds itself.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"mail.example.com", "10.0.0.0/8", "::1", "[::1]", "fe80::1%eth0", "a..b", "1.2.3.4.", "ÆØÅ.dk", "\x00", "0x7f.1", "10.0.0.1/33"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		a, err := check(Allow{Host: host, Port: 25})
		if err != nil {
			return
		}
		b, err := check(a)
		if err != nil || a.Host != b.Host {
			t.Fatalf("%q is %q, then %q, %v", host, a.Host, b.Host, err)
		}
		if _, err := netip.ParsePrefix(a.Host); err == nil {
			return
		}
		if !judge([]Allow{a}, fold(a.Host), 25).listed {
			t.Fatalf("%q as %q does not find itself", host, a.Host)
		}
	})
}
