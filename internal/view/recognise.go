package view

import (
	"fmt"
	"strings"

	"github.com/skanse/skanse/internal/sensor"
)

// RecognisedEntry writes the entry that knows traffic again by the bytes that it always begins with, "" without any.
func RecognisedEntry(transport string, port int64, client, server string) string {
	return recognisedEntry(transport, port, &sensor.Print{Client: sensor.PrintSide{Head: client}, Server: sensor.PrintSide{Head: server}})
}

// recognisedEntry writes the entry that knows traffic again, for a *.yaml in the data folder's recognised/. Its
// name and title are for a person to fill in. "" where there is nothing to know it by but the port alone.
func recognisedEntry(transport string, port int64, p *sensor.Print) string {
	if transport == "ether" {
		transport = "ethernet"
	}
	if transport != "tcp" && transport != "udp" && transport != "ethernet" {
		return ""
	}
	var patterns []string
	for _, side := range []struct {
		from string
		of   *sensor.PrintSide
	}{{"client", &p.Client}, {"server", &p.Server}} {
		bytes := patternBytes(side.of.Head)
		if bytes == "" {
			continue
		}
		number := fmt.Sprint(port)
		if transport == "ethernet" {
			number = fmt.Sprintf("0x%04x", port)
		}
		patterns = append(patterns, fmt.Sprintf("      - {transport: %s, ports: [%s], from: %s, bytes: {%s}}", transport, number, side.from, bytes))
	}
	if len(patterns) == 0 {
		return ""
	}
	return "recognised:\n  - protocol: NAME\n    title: TITLE\n    verified: seen at this site\n    class: other\n    patterns:\n" + strings.Join(patterns, "\n") + "\n"
}

// patternBytes makes `0: "7e 01", 3: "09"` of "7e 01 ?? 09".
func patternBytes(head string) string {
	var out []string
	var run []string
	begin := 0
	flush := func() {
		if len(run) > 0 {
			out = append(out, fmt.Sprintf("%d: %q", begin, strings.Join(run, " ")))
			run = nil
		}
	}
	for i, b := range strings.Fields(head) {
		if b == "??" {
			flush()
			continue
		}
		if len(run) == 0 {
			begin = i
		}
		run = append(run, b)
	}
	flush()
	return strings.Join(out, ", ")
}
