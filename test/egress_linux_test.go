package test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/sensor/sensortest"
)

// No data leaves the plant: a server whose receivers are set up and turned on sends not
// one frame, not even to ask for a name, until somebody has allowed the place. That
// it sends then shows that the test sees what it counts.
func TestNothingLeavesUnasked(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.IP(t, "link set lo up")
	sensortest.IP(t, "link add out type veth peer name beyond")
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	sensortest.IP(t, "addr add 192.0.2.1/24 dev out")
	sensortest.IP(t, "link set out up")
	sensortest.IP(t, "link set beyond up")
	sensortest.IP(t, "route add default via 192.0.2.254")
	sensortest.IP(t, "neigh add 192.0.2.254 lladdr 02:00:00:00:00:02 dev out")
	left := func() int {
		b, err := os.ReadFile("/sys/class/net/out/statistics/tx_packets")
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := left()
	p := start(t, t.TempDir())
	defer p.kill()
	post := func(path, body string) map[string]any {
		t.Helper()
		raw, err := p.call("POST", path, []byte(body))
		return decode[map[string]any](t, raw, err)
	}
	var ids []string
	for _, body := range []string{
		`{"kind":"mail","name":"Mail","enabled":true,"way":{"host":"mail.example.com","port":25,"security":"none","from":"skanse@plant.example"}}`,
		`{"kind":"webhook","name":"Desk","enabled":true,"way":{"url":"https://198.51.100.7/in"},"secret":"sixteen letters!"}`,
		`{"kind":"syslog","name":"SIEM","enabled":true,"audit":true,"way":{"host":"198.51.100.8","port":514,"transport":"udp","format":"rfc5424"}}`,
	} {
		ids = append(ids, post("/notices/receivers", body)["id"].(string))
	}
	for _, id := range ids {
		if got := post("/notices/receivers/"+id+"/test", `{"to":"ada@example.com"}`); got["ok"] != false || !strings.Contains(fmt.Sprint(got["error"]), "not on the list") {
			t.Errorf("a test: %v", got)
		}
	}
	time.Sleep(3 * time.Second) // the queue and the audit log have tried meanwhile
	if n := left() - before; n != 0 {
		t.Errorf("%d frames left the plant", n)
	}
	post("/egress", `{"host":"198.51.100.8","port":514,"note":"SIEM"}`)
	if got := post("/notices/receivers/"+ids[2]+"/test", `{}`); got["ok"] != true {
		t.Errorf("allowed: %v", got)
	}
	if left() == before {
		t.Error("nothing was sent either when it was allowed: the test does not see what it counts")
	}
}
