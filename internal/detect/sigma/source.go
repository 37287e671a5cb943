package sigma

import (
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/rule"
	"go.yaml.in/yaml/v3"
)

// source is which lines a rule looks at.
type source struct {
	windows  bool
	channels []string // of Windows; none: any
	kinds    []kind   // of Windows events; none: any
	programs []string // of syslog, in small letters; none: any
	facility []int    // of syslog: these count too
}

// kind is a number in a channel.
type kind struct {
	channel string
	id      uint32
}

const (
	security = "Security"
	sysmon   = "Microsoft-Windows-Sysmon/Operational"
	shell    = "Microsoft-Windows-PowerShell/Operational"
)

// channelsOf is where a Windows service of Sigma writes; nil: not known.
func channelsOf(service string) []string {
	switch service {
	case "security":
		return []string{security}
	case "system":
		return []string{"System"}
	case "application":
		return []string{"Application"}
	case "sysmon":
		return []string{sysmon}
	case "powershell":
		return []string{shell, "PowerShellCore/Operational"}
	case "powershell-classic":
		return []string{"Windows PowerShell"}
	case "taskscheduler":
		return []string{"Microsoft-Windows-TaskScheduler/Operational"}
	case "windefend":
		return []string{"Microsoft-Windows-Windows Defender/Operational"}
	case "firewall-as":
		return []string{"Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"}
	case "terminalservices-localsessionmanager":
		return []string{"Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"}
	case "wmi":
		return []string{"Microsoft-Windows-WMI-Activity/Operational"}
	case "ntlm":
		return []string{"Microsoft-Windows-NTLM/Operational"}
	case "driver-framework":
		return []string{"Microsoft-Windows-DriverFrameworks-UserMode/Operational"}
	case "codeintegrity-operational":
		return []string{"Microsoft-Windows-CodeIntegrity/Operational"}
	case "applocker":
		return []string{"Microsoft-Windows-AppLocker/EXE and DLL", "Microsoft-Windows-AppLocker/MSI and Script", "Microsoft-Windows-AppLocker/Packaged app-Deployment", "Microsoft-Windows-AppLocker/Packaged app-Execution"}
	case "bits-client":
		return []string{"Microsoft-Windows-Bits-Client/Operational"}
	case "smbclient-security":
		return []string{"Microsoft-Windows-SmbClient/Security"}
	}
	return nil
}

// kindsOf are the Windows events of a category of Sigma; nil: not known.
func kindsOf(category string) []kind {
	of := func(channel string, ids ...uint32) (out []kind) {
		for _, id := range ids {
			out = append(out, kind{channel, id})
		}
		return out
	}
	switch category {
	case "process_creation":
		return append(of(sysmon, 1), of(security, 4688)...)
	case "file_change":
		return of(sysmon, 2)
	case "network_connection":
		return of(sysmon, 3)
	case "process_termination":
		return of(sysmon, 5)
	case "driver_load":
		return of(sysmon, 6)
	case "image_load":
		return of(sysmon, 7)
	case "create_remote_thread":
		return of(sysmon, 8)
	case "raw_access_thread":
		return of(sysmon, 9)
	case "process_access":
		return of(sysmon, 10)
	case "file_event":
		return of(sysmon, 11)
	case "registry_event":
		return of(sysmon, 12, 13, 14)
	case "registry_add", "registry_delete":
		return of(sysmon, 12)
	case "registry_set":
		return of(sysmon, 13)
	case "registry_rename":
		return of(sysmon, 14)
	case "create_stream_hash":
		return of(sysmon, 15)
	case "pipe_created":
		return of(sysmon, 17, 18)
	case "wmi_event":
		return of(sysmon, 19, 20, 21)
	case "dns_query":
		return of(sysmon, 22)
	case "file_delete":
		return of(sysmon, 23, 26)
	case "process_tampering":
		return of(sysmon, 25)
	case "ps_module":
		return of(shell, 4103)
	case "ps_script":
		return of(shell, 4104)
	}
	return nil
}

// programsOf are the programs that write what a Linux service of Sigma means, and facilities that count too.
func programsOf(service string) (programs []string, facilities []int, ok bool) {
	switch service {
	case "", "syslog":
		return nil, nil, true
	case "sshd":
		return []string{"sshd", "sshd-session", "sshd-auth"}, nil, true
	case "auth":
		return []string{"sshd", "sshd-session", "sshd-auth", "sudo", "su", "login", "pkexec", "polkitd", "useradd", "userdel", "usermod", "groupadd", "passwd"}, []int{4, 10}, true
	case "cron":
		return []string{"cron", "crond", "crontab", "anacron"}, []int{9}, true
	case "clamav":
		return []string{"clamd", "clamscan", "clamav", "freshclam", "clamav-daemon"}, nil, true
	case "sudo", "su", "vsftpd", "systemd", "kernel", "named", "dhcpd", "networkmanager":
		return []string{service}, nil, true
	case "guacamole":
		return []string{"guacamole", "guacd"}, nil, true
	}
	return nil, nil, false
}

// source reads logsource.
func (r *reader) source(n *yaml.Node) (out source) {
	said := map[string]string{}
	lines := map[string]int{}
	for _, x := range r.pairs(n, "logsource") {
		switch x.key.Value {
		case "product", "service", "category":
			said[x.key.Value] = strings.ToLower(strings.TrimSpace(r.text(x.value, "logsource")))
			lines[x.key.Value] = x.value.Line
		case "definition":
		default:
			r.wrong(x.key, "logsource", "%q is none of product, service, category and definition; take it out, or the rule would look at other lines than it means", x.key.Value)
		}
	}
	product, service, category := said["product"], said["service"], said["category"]
	at := func(field string) *yaml.Node { return &yaml.Node{Line: max(lines[field], n.Line)} }
	switch {
	case product == "windows":
		out.windows = true
		if service != "" {
			if out.channels = channelsOf(service); out.channels == nil {
				r.wrong(at("service"), "logsource", "no channel is known for the Windows service %q; write product: windows alone and name the channel in a selection, such as Channel: Security", service)
			}
		}
		if category != "" {
			if out.kinds = kindsOf(category); out.kinds == nil {
				r.wrong(at("category"), "logsource", "no Windows events are known for the category %q; write product: windows with a service, and EventID in a selection", category)
			}
		}
	case category != "":
		r.wrong(at("category"), "logsource", "the category %q is not held for this product: Skanse has Windows events (product: windows) and lines of syslog (product: linux, or service: syslog); write which and match its fields", category)
	case product == "linux" || product == "" && service == "syslog":
		var ok bool
		if out.programs, out.facility, ok = programsOf(service); !ok {
			r.wrong(at("service"), "logsource", "lines of the Linux service %q are not told apart; write product: linux alone and match program and message in a selection", service)
		}
	default:
		r.wrong(at("product"), "logsource", "logs of the product %q are not told apart: Skanse has Windows events (product: windows) and lines of syslog (product: linux, or service: syslog alone for all devices); write which", product)
	}
	return out
}

// holds says whether a line is of this source.
func (s *source) holds(l *rule.LogLine) bool {
	if s.windows {
		if l.Event == nil {
			return false
		}
		channel := l.Event.Channel
		if len(s.channels) > 0 && !slices.ContainsFunc(s.channels, func(c string) bool { return strings.EqualFold(c, channel) }) {
			return false
		}
		return len(s.kinds) == 0 || slices.ContainsFunc(s.kinds, func(k kind) bool { return k.id == l.Event.ID && strings.EqualFold(k.channel, channel) })
	}
	if l.Event != nil {
		return false
	}
	return len(s.programs) == 0 || slices.Contains(s.facility, l.Facility) || slices.ContainsFunc(s.programs, func(p string) bool { return strings.EqualFold(p, l.App) })
}

// aliases are the names that Sysmon gives to what the security log of Windows calls otherwise.
func (s *source) aliases(l *rule.LogLine) map[string]string {
	if !s.windows || len(s.kinds) == 0 || l.Event.ID != 4688 {
		return nil
	}
	return processNames
}

// processNames is the usual reading of 4688 for rules of process_creation. It is never written to.
var processNames = map[string]string{ //nolint:gochecknoglobals // a constant
	"image": "newprocessname", "parentimage": "parentprocessname", "processid": "newprocessid", "parentprocessid": "processid",
	"logonid": "subjectlogonid", "user": "subjectusername", "integritylevel": "mandatorylabel",
}
