package view

import (
	"testing"
	"time"
)

func TestTraceOrder(t *testing.T) {
	at := time.Unix(100, 0)
	list := []Touch{{Peer: "read", Classes: []string{"read"}, Last: at}, {Peer: "stop", Classes: []string{"control"}, Last: at}, {Peer: "new", New: true, Last: at}, {Peer: "newest", Classes: []string{"read"}, Last: at.Add(1)}}
	Order(list)
	for i, want := range []string{"new", "stop", "newest", "read"} {
		if list[i].Peer != want {
			t.Errorf("%d is %s, want %s", i, list[i].Peer, want)
		}
	}
	for attr, want := range map[string]bool{"lldp.system_name": true, "s7comm.serial": true, "tls.ja4": true, "ssh.host_key": true, "cip.product_name": false, "s7comm.order_code": false} {
		if Telling(attr) != want {
			t.Errorf("%s tells a thing from another: %v", attr, !want)
		}
	}
}
