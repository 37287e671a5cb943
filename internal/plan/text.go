package plan

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// title names a kind of finding for people.
func title(kind string) string {
	switch kind {
	case KindAlert:
		return "Alarming messages"
	case KindUnplanned:
		return "Hosts that nobody planned"
	case KindMissing:
		return "Planned, and not heard"
	case KindIdentity:
		return "Other hardware than planned"
	case KindFirmware:
		return "Firmware"
	case KindService:
		return "Services that nobody documented"
	case KindConduit:
		return "Conversations without a conduit"
	case KindClass:
		return "More than the conduit allows"
	case KindClear:
		return "Clear text"
	case KindUnused:
		return "Planned, and not used"
	case KindChatter:
		return "Chatter to everybody"
	}
	return kind
}

// Verdict says in one sentence how the plan and the capture agree.
func (r *Result) Verdict() string {
	differs, unknown := r.Count(Differs), r.Count(Unknown)
	heard := fmt.Sprintf("%d of %d planned devices were heard", r.Matched, r.planned())
	switch {
	case r.Seen.Packets == 0:
		return "Nothing was heard: this says nothing about the plan."
	case differs > 0:
		return fmt.Sprintf("%s; %d findings differ from the plan, %d could not be judged.", heard, differs, unknown)
	case unknown > 0:
		return fmt.Sprintf("%s; nothing that was heard differs from the plan, %d points could not be judged.", heard, unknown)
	}
	return heard + "; everything that was heard is as planned."
}

func (r *Result) planned() (n int) {
	for i := range r.Project.Devices {
		if !r.Project.Devices[i].Module {
			n++
		}
	}
	return n
}

// most is how many findings of a kind the text shows.
const most = 20

// WriteText prints the comparison for a person. all: every finding.
func (r *Result) WriteText(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s against %s", sources(r.Seen), r.Project.Name)
	if r.Project.Revision != "" {
		fmt.Fprintf(&b, ", revision %s", r.Project.Revision)
	}
	fmt.Fprintf(&b, "\n  %s\n  Heard from %s to %s.\n", r.Verdict(), day(r.Seen.From), day(r.Seen.To))
	for _, v := range []Verdict{Differs, Unknown, Note} {
		if r.Count(v) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", map[Verdict]string{Differs: "DIFFERS FROM THE PLAN", Unknown: "COULD NOT BE JUDGED", Note: "FOR INFORMATION"}[v])
		for _, kind := range kinds() {
			r.kind(&b, v, kind, all)
		}
	}
	if len(r.Seen.Limits) > 0 {
		b.WriteString("\nWHAT THE CAPTURE CANNOT TELL\n")
		for _, s := range r.Seen.Limits {
			b.WriteString("  " + s + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) kind(w io.Writer, v Verdict, kind string, all bool) {
	var rows []*Finding
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Verdict == v && f.Kind == kind {
			rows = append(rows, f)
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "  %s (%d)\n", title(kind), len(rows))
	show := len(rows)
	if !all {
		show = min(show, most)
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for _, f := range rows[:show] {
		fmt.Fprintf(t, "    %s\t%s%s\n", f.Subject, f.What, f.detail())
	}
	t.Flush()
	if show < len(rows) {
		fmt.Fprintf(w, "    … and %d more; --full lists all\n", len(rows)-show)
	}
}

// detail is what stands behind the sentence.
func (f *Finding) detail() string {
	var parts []string
	if f.Planned != "" {
		parts = append(parts, "planned "+f.Planned)
	}
	if f.Found != "" {
		parts = append(parts, "found "+f.Found)
	}
	if f.Packet > 0 {
		parts = append(parts, fmt.Sprintf("packet %d", f.Packet))
	}
	if f.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", f.Line))
	}
	if len(parts) == 0 {
		return ""
	}
	return " [" + strings.Join(parts, "; ") + "]"
}

func sources(s *Seen) string {
	var names []string
	for _, f := range s.Sources {
		names = append(names, f.File)
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
	}
	return strings.Join(names, ", ")
}
