package sigma

import (
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// Rules of our own in the form of published ones.
const head = `title: Sign-ins of the service account
id: 0b7d9c6e-0f0a-4c7c-9f0e-5f4a5c3d2e1b
status: test
description: Nobody signs in by hand as the service account.
references:
    - https://example.org/why
author: Ada
license: CC0
date: 2026-11-23
tags:
    - attack.credential-access
    - attack.t1110.001
    - attack.t0859
falsepositives:
    - Maintenance
level: high
`

func event(channel string, id uint32, values ...string) rule.LogLine {
	l := rule.LogLine{Source: "s", Facility: -1, Severity: 4, Event: &rule.LogEvent{ID: id, Provider: "Microsoft-Windows-Security-Auditing", Channel: channel, Computer: "HMI1"}}
	for i := 0; i+1 < len(values); i += 2 {
		l.Event.Values = append(l.Event.Values, rule.Say{Name: values[i], Value: values[i+1]})
	}
	return l
}

func text(app, said string) rule.LogLine {
	return rule.LogLine{Source: "s", App: app, Text: said, Facility: 4, Severity: 6, Host: "gw"}
}

func one(t *testing.T, rest string) Rule {
	t.Helper()
	rules, found := Read([]byte(head + rest))
	if len(found) > 0 || len(rules) != 1 {
		t.Fatalf("%s\n%d rules, %+v", rest, len(rules), found)
	}
	return rules[0]
}

const (
	windows = "logsource:\n  product: windows\n  service: security\ndetection:\n"
	linux   = "logsource:\n  product: linux\n  service: sshd\ndetection:\n"
)

func TestMeets(t *testing.T) {
	failed := event("Security", 4625, "TargetUserName", "Service", "IpAddress", "10.1.2.3", "LogonType", "10", "Status", "0xc000006d")
	for _, c := range []struct {
		name, rule string
		line       rule.LogLine
		want       bool
	}{
		{"fields", windows + "  selection:\n    EventID: 4625\n    TargetUserName: service\n  condition: selection", failed, true},
		{"another number", windows + "  selection:\n    EventID: 4624\n  condition: selection", failed, false},
		{"another channel", windows + "  selection:\n    EventID: 4625\n  condition: selection", event("System", 4625), false},
		{"text is no event", windows + "  selection:\n    EventID: 4625\n  condition: selection", text("sshd", "4625"), false},
		{"one of many", windows + "  selection:\n    EventID: [4624, 4625]\n  condition: selection", failed, true},
		{"list of maps", windows + "  selection:\n    - EventID: 1\n    - TargetUserName: service\n  condition: selection", failed, true},
		{"contains", windows + "  selection:\n    TargetUserName|contains: ERV\n  condition: selection", failed, true},
		{"starts", windows + "  selection:\n    TargetUserName|startswith: erv\n  condition: selection", failed, false},
		{"ends", windows + "  selection:\n    TargetUserName|endswith: ice\n  condition: selection", failed, true},
		{"all", windows + "  selection:\n    TargetUserName|contains|all: [ser, ice]\n  condition: selection", failed, true},
		{"not all", windows + "  selection:\n    TargetUserName|contains|all: [ser, ace]\n  condition: selection", failed, false},
		{"cased", windows + "  selection:\n    TargetUserName|cased: service\n  condition: selection", failed, false},
		{"star", windows + "  selection:\n    TargetUserName: s*c?\n  condition: selection", failed, true},
		{"star is literal", windows + "  selection:\n    TargetUserName: 's\\*'\n  condition: selection", failed, false},
		{"backslash", windows + "  selection:\n    ShareName|endswith: '\\ADMIN$'\n  condition: selection", event("Security", 5140, "ShareName", `\\*\ADMIN$`), true},
		{"literal star behind two backslashes", windows + "  selection:\n    ShareName: '\\\\\\\\\\*\\ADMIN$'\n  condition: selection", event("Security", 5140, "ShareName", `\\*\ADMIN$`), true},
		{"re", windows + "  selection:\n    TargetUserName|re: ^Ser\n  condition: selection", failed, true},
		{"re is cased", windows + "  selection:\n    TargetUserName|re: ^ser\n  condition: selection", failed, false},
		{"re without case", windows + "  selection:\n    TargetUserName|re|i: ^ser\n  condition: selection", failed, true},
		{"cidr", windows + "  selection:\n    IpAddress|cidr: 10.0.0.0/8\n  condition: selection", failed, true},
		{"not cidr", windows + "  selection:\n    IpAddress|cidr: ['::1/128', '192.168.0.0/16']\n  condition: selection", failed, false},
		{"gte", windows + "  selection:\n    LogonType|gte: 10\n  condition: selection", failed, true},
		{"lt", windows + "  selection:\n    LogonType|lt: 10\n  condition: selection", failed, false},
		{"null", windows + "  selection:\n    EventID: 4625\n    SubjectUserName: null\n  condition: selection", failed, true},
		{"exists", windows + "  selection:\n    IpAddress|exists: true\n    SubjectUserName|exists: false\n  condition: selection", failed, true},
		{"filter", windows + "  selection:\n    EventID: 4625\n  filter_main_local:\n    IpAddress|cidr: 10.0.0.0/8\n  filter_main_empty:\n    IpAddress: '-'\n  condition: selection and not 1 of filter_main_*", failed, false},
		{"no filter", windows + "  selection:\n    EventID: 4625\n  filter_main_local:\n    IpAddress|cidr: 172.16.0.0/12\n  condition: selection and not 1 of filter_main_*", failed, true},
		{"all of", windows + "  sel_a:\n    EventID: 4625\n  sel_b:\n    LogonType: 2\n  condition: all of sel_*", failed, false},
		{"1 of them", windows + "  sel_a:\n    EventID: 4625\n  sel_b:\n    LogonType: 2\n  condition: 1 of them", failed, true},
		{"not before and before or", windows + "  a:\n    EventID: 1\n  b:\n    EventID: 2\n  c:\n    EventID: 4625\n  condition: a and b or not a and c", failed, true},
		{"brackets", windows + "  a:\n    EventID: 1\n  c:\n    EventID: 4625\n  condition: a and (a or c)", failed, false},
		{"category by Sysmon", "logsource: {product: windows, category: process_creation}\ndetection:\n  s: {Image|endswith: '\\psexec.exe'}\n  condition: s", event(sysmon, 1, "Image", `C:\t\PsExec.exe`), true},
		{"category by the security log", "logsource: {product: windows, category: process_creation}\ndetection:\n  s: {Image|endswith: '\\psexec.exe'}\n  condition: s", event("Security", 4688, "NewProcessName", `C:\t\PsExec.exe`), true},
		{"another event of Sysmon", "logsource: {product: windows, category: process_creation}\ndetection:\n  s: {Image|endswith: '\\psexec.exe'}\n  condition: s", event(sysmon, 5, "Image", `C:\t\PsExec.exe`), false},
		{"keywords", linux + "  keywords:\n    - 'invalid user'\n    - 'bad * format'\n  condition: keywords", text("sshd", "Invalid user admin from 10.0.0.9"), true},
		{"wild keyword", linux + "  keywords:\n    - 'nothing'\n    - 'bad * format'\n  condition: keywords", text("sshd-session", "a bad version format!"), true},
		{"keywords of another program", linux + "  keywords: [invalid]\n  condition: keywords", text("cron", "invalid"), false},
		{"all keywords", linux + "  keywords:\n    '|all': [invalid, admin]\n  condition: keywords", text("sshd", "Invalid user root"), false},
		{"message", linux + "  s: {message|contains: 'Accepted password', message|re: 'for (root|admin) '}\n  condition: s", text("sshd", "Accepted password for root from 10.0.0.9"), true},
		{"keywords in an event", "logsource: {product: windows}\ndetection:\n  k: [mimikatz]\n  condition: k", event("Application", 1000, "", "ran MimiKatz.exe"), true},
		{"an event is no line of text", "logsource: {product: linux}\ndetection:\n  k: [mimikatz]\n  condition: k", event("Application", 1000, "", "ran MimiKatz.exe"), false},
		{"all devices", "logsource: {service: syslog}\ndetection:\n  k: ['%SYS-5-CONFIG_I']\n  condition: k", text("", "%SYS-5-CONFIG_I: Configured from console"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := one(t, c.rule); r.Meets(On(&c.line)) != c.want {
				t.Errorf("meets: %v", !c.want)
			}
		})
	}
}

func TestWhatItSays(t *testing.T) {
	r := one(t, windows+"  s: {EventID: 1}\n  condition: s")
	got := r.Rule()
	if got.Severity != ot.High || got.Why != "Nobody signs in by hand as the service account." || got.FalseAlarm != "Maintenance" || r.Author != "Ada" || got.On != rule.State || got.First == "" {
		t.Errorf("%+v", got)
	}
	if want := "https://example.org/why https://attack.mitre.org/techniques/T1110/001/ https://attack.mitre.org/techniques/T0859/"; strings.Join(got.References, " ") != want {
		t.Errorf("references %q", got.References)
	}
	file, err := AsFile([]Rule{r})
	if err != nil {
		t.Fatal(err)
	}
	back, err := rule.Parse("x.yaml", []byte(file)) // what an edge reads
	if err != nil || len(back) != 1 || back[0].ID != got.ID || back[0].Title != got.Title || back[0].Severity != got.Severity {
		t.Errorf("%v %+v", err, back)
	}
}

// What is not taken is refused, on its line, with what to do.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"aggregation", head + windows + "  s: {EventID: 4625}\n  condition: s | count() by IpAddress > 5", 22, "threshold"},
		{"timeframe", head + windows + "  s: {EventID: 4625}\n  timeframe: 5m\n  condition: s", 22, "threshold"},
		{"near", head + windows + "  s: {EventID: 4625}\n  condition: s near s", 22, `"near" was not expected`},
		{"correlation", "title: x\nid: a-b\ncorrelation:\n  type: event_count\n", 4, "threshold"},
		{"modifier", head + windows + "  s:\n    CommandLine|base64offset|contains: x\n  condition: s", 22, `"base64offset" is not taken`},
		{"look ahead", head + windows + "  s:\n    CommandLine|re: '(?=x)'\n  condition: s", 22, "RE2"},
		{"long expression", head + windows + "  s:\n    CommandLine|re: '" + strings.Repeat("x", 1001) + "'\n  condition: s", 22, "1000"},
		{"product", head + "logsource:\n  product: macos\n  service: x\ndetection:\n  s: {a: b}\n  condition: s", 18, `product "macos"`},
		{"category", head + "logsource:\n  category: proxy\ndetection:\n  s: {a: b}\n  condition: s", 18, `category "proxy"`},
		{"service", head + "logsource:\n  product: linux\n  service: auditd\ndetection:\n  s: {message: b}\n  condition: s", 19, `"auditd"`},
		{"channel", head + "logsource:\n  product: windows\n  service: nothing\ndetection:\n  s: {a: b}\n  condition: s", 19, "Channel: Security"},
		{"field of syslog", head + linux + "  s:\n    client_ip: 10.0.0.1\n  condition: s", 22, `"client_ip"`},
		{"no selection", head + windows + "  s: {EventID: 1}\n  condition: t", 22, "there are s"},
		{"empty", head + windows + "  s: {EventID: []}\n  condition: s", 21, "empty"},
		{"anchor", head + windows + "  s: &x {EventID: 1}\n  t: *x\n  condition: s or t", 22, "anchors"},
		{"no id", "title: x\nlogsource: {product: windows}\ndetection: {s: {a: b}, condition: s}\n", 1, "needs id"},
		{"level", strings.Replace(head, "level: high", "level: loud", 1) + windows + "  s: {EventID: 1}\n  condition: s", 16, "informational"},
		{"twice", head + windows + "  s: {EventID: 1}\n  s: {EventID: 2}\n  condition: s", 22, "twice"},
		{"cidr", head + windows + "  s: {a|cidr: 10.0.0.1}\n  condition: s", 21, "prefix"},
		{"bracket", head + windows + "  s: {a: b}\n  condition: (s", 22, "not closed"},
		{"deep", head + windows + "  s: {a: b}\n  condition: " + strings.Repeat("(", 60) + "s" + strings.Repeat(")", 60), 22, "deep"},
		{"of own rules beside it", head + windows + "  s: {a: b}\n  condition: s\n---\nid: x\ntitle: y\n", 24, "needs logsource"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, found := Read([]byte(c.text))
			if len(found) == 0 || found[0].Line != c.line || !strings.Contains(found[0].Text, c.want) {
				t.Errorf("%d rules, %+v; want line %d and %q", len(rules), found, c.line, c.want)
			}
		})
	}
	if Is([]byte("id: night-stop\ntitle: x\n")) || !Is([]byte(head+linux+"  k: [x]\n  condition: k")) {
		t.Error("which form a file has")
	}
}
