package windows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t *testing.T, b []byte) (all []Event, rep Report) {
	t.Helper()
	rep, err := ReadEVTX(bytes.NewReader(b), func(e Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, rep
}

// The security log of a real Windows machine, beside what another reader (Velocidex/evtx) makes of
// the same event.
func TestSecurityLog(t *testing.T) {
	all, rep := read(t, sample(t, "security.evtx.zst"))
	if rep.Damaged != 0 || rep.Chunks != 0 || len(all) < 100 {
		t.Fatalf("%d events, %+v", len(all), rep)
	}
	for i, e := range all {
		if i > 0 && e.Record != all[i-1].Record+1 {
			t.Errorf("event %d follows %d", e.Record, all[i-1].Record)
		}
		if e.ID == 0 || e.Provider == "" || e.Channel != "Security" || e.Computer == "" || e.Told.Year() < 2015 {
			t.Errorf("event %d: %+v", e.Record, e)
		}
	}
	golden, err := os.ReadFile("testdata/4624.velocidex.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		System struct {
			EventRecordID uint64
			Computer      string
			Channel       string
			Keywords      json.Number
			TimeCreated   struct{ SystemTime float64 }
		}
		EventData map[string]any
	}
	d := json.NewDecoder(bytes.NewReader(golden))
	if err := d.Decode(&want); err != nil {
		t.Fatal(err)
	}
	var got *Event
	for i := range all {
		if all[i].Record == want.System.EventRecordID {
			got = &all[i]
		}
	}
	if got == nil {
		t.Fatalf("event %d is missing", want.System.EventRecordID)
	}
	if got.ID != 4624 || got.Computer != want.System.Computer || fmt.Sprint(got.Keywords) != want.System.Keywords.String() || got.Told.Sub(time.UnixMicro(int64(want.System.TimeCreated.SystemTime*1e6))).Abs() > time.Millisecond {
		t.Errorf("%+v", got)
	}
	if len(got.Data) != len(want.EventData) {
		t.Errorf("%d values, want %d", len(got.Data), len(want.EventData))
	}
	for _, v := range got.Data {
		w := fmt.Sprint(want.EventData[v.Name])
		if f, ok := want.EventData[v.Name].(float64); ok { // they make numbers of what Windows writes in hexadecimal
			w = fmt.Sprintf("%d", int64(f))
			if strings.HasPrefix(v.Text, "0x") {
				w = fmt.Sprintf("0x%x", int64(f))
			}
		}
		if !strings.EqualFold(strings.Trim(v.Text, "{}"), w) {
			t.Errorf("%s: %q, want %q", v.Name, v.Text, w)
		}
	}
	if !strings.HasPrefix(got.Text(), "Event 4624, somebody signed in: SubjectUserSid=S-1-5-21-") || got.Severity() != 6 {
		t.Errorf("%d %s", got.Severity(), got.Text())
	}
}

func TestDamage(t *testing.T) {
	b := sample(t, "one.evtx.zst")
	if all, rep := read(t, b); len(all) != 1 || rep.Events != 1 {
		t.Fatalf("%d events", len(all))
	}
	if _, err := ReadEVTX(strings.NewReader("MZ"), nil); err == nil {
		t.Error("another file is taken")
	}
	broken := bytes.Clone(b)
	broken[headerSize+recordsAt+24+40] ^= 0xff
	if _, rep := read(t, broken); rep.Damaged+rep.Events != 1 {
		t.Errorf("%+v", rep)
	}
	for cut := 1; cut < len(b); cut += 997 { // every truncation is read without harm
		_, _ = ReadEVTX(bytes.NewReader(b[:cut]), func(Event) error { return nil })
	}
}

const forwarded = `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Eventlog' Guid='{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}'/><EventID>1102</EventID><Version>0</Version><Level>4</Level><Keywords>0x4020000000000000</Keywords><TimeCreated SystemTime='2026-03-16T08:01:37.2212000Z'/><EventRecordID>227126</EventRecordID><Channel>Security</Channel><Computer>HMI-3.plant.example</Computer><Security/></System><UserData><LogFileCleared xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog'><SubjectUserSid>S-1-5-21-1</SubjectUserSid><SubjectUserName>op &amp; co</SubjectUserName></LogFileCleared></UserData></Event>`

func TestXML(t *testing.T) {
	for _, doc := range []string{forwarded, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Events>" + forwarded + "</Events>", forwarded + "\r\n" + forwarded} {
		n := 0
		err := ReadXML(strings.NewReader(strings.TrimPrefix(doc, "\ufeff")), func(e Event) error {
			n++
			if e.ID != 1102 || e.Computer != "HMI-3.plant.example" || e.Record != 227126 || !e.Told.Equal(time.Date(2026, 3, 16, 8, 1, 37, 221200000, time.UTC)) {
				t.Errorf("%+v", e)
			}
			if e.Text() != "Event 1102, the log was cleared: SubjectUserSid=S-1-5-21-1, SubjectUserName=op & co" {
				t.Error(e.Text())
			}
			return nil
		})
		if err != nil || n != strings.Count(doc, "<Event ") {
			t.Errorf("%d events, %v", n, err)
		}
	}
	if e, ok := InText("<14>Mar 16 08:01:37 HMI-3 " + forwarded); !ok || e.ID != 1102 {
		t.Errorf("%v %+v", ok, e)
	}
	for _, bad := range []string{"<Event><System/></Event>", "<Event>", "<Event><System><EventID>x</EventID></System></Event>", "<Event>" + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + "</Event>", "{}<"} {
		if err := ReadXML(strings.NewReader(bad), func(Event) error { return nil }); err == nil {
			t.Errorf("%s is taken", bad[:min(len(bad), 40)])
		}
	}
	if _, ok := InText("no event"); ok {
		t.Error("an event in nothing")
	}
}

func FuzzEVTX(f *testing.F) {
	b := sample(f, "one.evtx.zst")
	n := headerSize + recordsAt
	size := int(b[n+4]) | int(b[n+5])<<8
	f.Add(b[n+24 : n+size-4])
	f.Add([]byte("\x0f\x01\x01\x00\x41\xff\xff\x00\x00\x00\x00\x00\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, xml []byte) {
		if len(xml) > chunkSize-recordsAt-28 {
			return
		}
		chunk := make([]byte, chunkSize)
		copy(chunk[recordsAt+24:], xml)
		e, ok := readRecord(chunk, recordsAt, 28+len(xml))
		if ok && len(e.Text()) > 4*maxText {
			t.Fatal("too long")
		}
	})
}

func FuzzXML(f *testing.F) {
	f.Add(forwarded)
	f.Fuzz(func(_ *testing.T, doc string) {
		_ = ReadXML(strings.NewReader(doc), func(Event) error { return nil })
		InText(doc)
	})
}
