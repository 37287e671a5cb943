package app

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/logs"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// sigmaFile is two rules as people exchange them.
const sigmaFile = `title: Sign-in with a password at the gateway
id: 5a1f6c0e-2c1b-4c55-8a43-0d9a4ef0b1aa
description: The gateway takes keys only.
author: Ada
tags: [attack.t1110.001]
logsource:
    product: linux
    service: sshd
detection:
    keywords:
        - 'accepted password for'
    condition: keywords
falsepositives:
    - None
level: high
---
title: The service account failed to sign in
id: 7be0f2d3-8d6c-4f7c-9a60-4f1f4e5a6b7c
logsource:
    product: windows
    service: security
detection:
    selection:
        EventID: 4625
        TargetUserName|startswith: svc
    filter_main_local:
        IpAddress|cidr: 10.0.0.0/8
    condition: selection and not 1 of filter_main_*
level: medium
`

const (
	sshRule     = "5a1f6c0e-2c1b-4c55-8a43-0d9a4ef0b1aa"
	accountRule = "7be0f2d3-8d6c-4f7c-9a60-4f1f4e5a6b7c"
)

// A file of Sigma rules is checked over the lines that are kept, uploaded, and makes alerts of
// lines from then on: of syslog and of Windows events.
func TestSigma(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s, err := openServer(ctx, serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	site := plantSite(t, s)
	if err := s.logs.Open(ctx); err != nil {
		t.Fatal(err)
	}
	system := auth.System()
	h := s.router(&system).Handler()
	do := func(method, path, etag string, body, out any) int {
		t.Helper()
		code, raw := ask(t, h, method, path, etag, body, nil)
		if out != nil {
			if err := json.Unmarshal(raw, out); err != nil {
				t.Fatalf("%s %s: %d %s", method, path, code, raw)
			}
		}
		return code
	}
	source := func(name, kind, address string) (id string) {
		t.Helper()
		var out struct {
			ID string `json:"id"`
		}
		if code := do("POST", "/sites/"+site.ID+"/log-sources", "", map[string]any{"name": name, "kind": kind, "address": address, "interval_s": 3600, "retention_days": 30}, &out); code != http.StatusCreated {
			t.Fatalf("%s: %d", name, code)
		}
		return out.ID
	}
	source("Gateway", "linux", "10.20.3.5")
	hmi := source("HMI", "windows", "")
	say := func(text string) {
		t.Helper()
		s.logs.Take(logs.Arrival{SiteNo: site.No, RealmNo: 1, From: netip.MustParseAddr("10.20.3.5"), By: "udp", Raw: []byte("<86>" + time.Now().UTC().Format("Jan _2 15:04:05") + " gw sshd[9]: " + text), At: time.Now()})
		if err := s.logs.Flush(ctx, true); err != nil {
			t.Fatal(err)
		}
	}
	events := 0
	signIn := func(user, from string) {
		t.Helper()
		events++
		xml := `<Event><System><Provider Name="Microsoft-Windows-Security-Auditing"/><EventID>4625</EventID><TimeCreated SystemTime="` + time.Now().UTC().Format(time.RFC3339Nano) + `"/><EventRecordID>` + strings.Repeat("1", events) +
			`</EventRecordID><Channel>Security</Channel><Computer>HMI1</Computer></System><EventData><Data Name="TargetUserName">` + user + `</Data><Data Name="IpAddress">` + from + `</Data></EventData></Event>`
		r := httptest.NewRequest("POST", rest.Prefix+"/log-sources/"+hmi+"/events?name=x.xml", bytes.NewReader([]byte(xml)))
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("events: %d %s", w.Code, w.Body)
		}
	}
	alerts := func(id string) []detect.Alert {
		t.Helper()
		var page rest.Page[detect.Alert]
		if code := do("GET", "/alerts?state=all&rule="+id, "", nil, &page); code != http.StatusOK {
			t.Fatalf("alerts: %d", code)
		}
		return page.Items
	}
	say("Accepted password for root from 10.0.0.9 port 22 ssh2")
	say("Accepted password for ada from 10.0.0.9 port 22 ssh2")
	say("Accepted publickey for ada from 10.0.0.9 port 22 ssh2")

	const path = "/detection-files"
	var c detect.Checked
	do("POST", path+"/check", "", map[string]any{"name": "sigma.yaml", "text": strings.Replace(sigmaFile, "condition: keywords", "condition: keywords | count() > 5", 1)}, &c)
	if len(c.Mistakes) != 1 || c.Mistakes[0].Line != 12 || !strings.Contains(c.Mistakes[0].Text, "threshold") {
		t.Errorf("an aggregation: %+v", c.Mistakes)
	}
	c = detect.Checked{}
	if code := do("POST", path+"/check", "", map[string]any{"name": "sigma.yaml", "text": sigmaFile}, &c); code != http.StatusOK || len(c.Mistakes) != 0 || len(c.Rules) != 2 {
		t.Fatalf("check: %d %+v", code, c)
	}
	if w := c.Rules[0].Would; w == nil || w.Hits != 2 || w.Alerts != 1 || w.Basis != "lines" || len(w.First) != 1 || w.First[0].Client != "10.20.3.5" {
		t.Errorf("it would have found %+v", w)
	}
	if len(alerts(sshRule)) != 0 {
		t.Error("a check raised something")
	}
	var f detect.OwnFile
	if code := do("PUT", path+"/sigma.yaml", "", map[string]any{"text": sigmaFile, "on": true, "reason": "Asked by the shift"}, &f); code != http.StatusOK || !f.On || len(f.Rules) != 2 || len(f.Mistakes) != 0 {
		t.Fatalf("kept: %d %+v", code, f)
	}
	say("Accepted publickey for ada from 10.0.0.9 port 22 ssh2")
	say("Accepted password for root from 10.0.0.9 port 22 ssh2")
	say("Accepted password for eve from 10.0.0.9 port 22 ssh2")
	signIn("svc_scada", "192.0.2.7")
	signIn("svc_scada", "10.0.0.7")
	signIn("ada", "192.0.2.7")
	got := alerts(sshRule)
	if len(got) != 1 || got[0].Count != 2 || got[0].Severity != "high" || got[0].Title != "Sign-in with a password at the gateway" {
		t.Fatalf("alerts of lines: %+v", got)
	}
	var a detect.Alert
	do("GET", "/alerts/"+got[0].ID, "", nil, &a)
	has := func(name, part string) bool {
		return slices.ContainsFunc(a.Facts, func(x rule.Say) bool { return x.Name == name && strings.Contains(x.Value, part) })
	}
	if !has("line", "Accepted password for eve") || !has("source", "Gateway") || !has("rule_author", "Ada") || has("line", "publickey") {
		t.Errorf("what the alert says: %+v", a.Facts)
	}
	if a.Rest == nil || a.Rest.Why != "The gateway takes keys only." || a.Rest.FalseAlarm != "None" || !slices.Contains(a.Rest.References, "https://attack.mitre.org/techniques/T1110/001/") {
		t.Errorf("its story: %+v", a.Rest)
	}
	if got := alerts(accountRule); len(got) != 1 || got[0].Count != 1 {
		t.Errorf("alerts of events: %+v", got)
	}
	var would detect.Would
	if code := do("POST", "/sites/"+site.ID+"/detections/"+sshRule+"/try", "", map[string]any{"off": false, "severity": "", "threshold": 4, "zones": []string{}, "hosts": []string{}, "reason": "x"}, &would); code != http.StatusOK || would.Hits != 4 || would.Quiet != 3 || would.Basis != "lines" {
		t.Errorf("from four a day on: %d %+v", code, would)
	}
	var list struct {
		Items []detect.Detection `json:"items"`
	}
	do("GET", "/detections", "", nil, &list)
	if !slices.ContainsFunc(list.Items, func(d detect.Detection) bool { return d.ID == sshRule && d.On == "log" && d.Own && d.Hits == 2 }) {
		t.Error("the rule does not stand in the list as one on logs")
	}
	if code := do("PUT", path+"/other.yaml", "", map[string]any{"text": sigmaFile, "on": false, "reason": "x"}, nil); code < 400 {
		t.Errorf("an id that is taken: %d", code)
	}
	// After a start it runs; switched off it does not.
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if s, err = openServer(ctx, serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := s.logs.Open(ctx); err != nil {
		t.Fatal(err)
	}
	h = s.router(&system).Handler()
	say("Accepted password for root from 10.0.0.9 port 22 ssh2")
	if got := alerts(sshRule); len(got) != 1 || got[0].Count != 3 {
		t.Errorf("after a start: %+v", got)
	}
	if code := do("PUT", path+"/sigma.yaml", f.ETag, map[string]any{"text": sigmaFile, "on": false, "reason": "too loud"}, &f); code != http.StatusOK {
		t.Errorf("off: %d", code)
	}
	say("Accepted password for root from 10.0.0.9 port 22 ssh2")
	if err := s.db.View(ctx, func(r store.Reader) error {
		n, err := store.One[int64](ctx, r, "SELECT count FROM detect_alert WHERE rule = ?", sshRule)
		if err == nil && n != 3 {
			t.Errorf("switched off it counted to %d", n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
