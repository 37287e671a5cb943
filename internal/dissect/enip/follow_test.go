package enip

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

func TestTagSum(t *testing.T) {
	for path, want := range map[string]struct {
		name  string
		index uint32
	}{
		"\x91\x05Level\x00":                         {"level", 0},
		"\x91\x0cProgram:Main\x91\x05State\x00":     {"program:main.state", 0},
		"\x91\x04Step\x28\x07":                      {"step", 7},
		"\x91\x04Step\x29\x00\x2c\x01":              {"step", 300},
		"\x91\x04Line\x28\x02\x91\x05State\x00":     {"line[2].state", 0},
		"\x91\x04Grid\x28\x02\x28\x03":              {"grid[2,3]", 0},
		"\x91\x04Line\x28\x02\x91\x04Step\x28\x03":  {"line[2].step", 3},
		"\x91\x04Grid\x28\x02\x28\x03\x91\x02On":    {"grid[2,3].on", 0},
		"\x91\x04Line\x2a\x00\x01\x00\x00\x00\x91z": {"", 0},
		"\x28\x02":         {"", 0},
		"\x20\x6b\x24\x01": {"", 0},
		"":                 {"", 0},
	} {
		sum, first, ok := tagSum([]byte(path))
		if ok != (want.name != "") || ok && (sum != dissect.SumName(want.name) || first != want.index) {
			t.Errorf("%q: %v, index %d; want %q, index %d", path, ok, first, want.name, want.index)
		}
	}
}

// The requester's id of seven bytes stands before each command.
func TestFileOfPCCC(t *testing.T) {
	for d, want := range map[string]struct {
		list   string
		first  uint32
		kind   uint16
		writes bool
	}{
		"\x0f\x00\x01\x00\xa2\x02\x07\x89\x05\x00":                 {"N7", 5, 0xc3, false},
		"\x0f\x00\x01\x00\xa1\x04\x08\x8a\x00":                     {"F8", 0, 0xca, false},
		"\x0f\x00\x01\x00\xa2\x02\x04\x86\xff\x2c\x01\x02":         {"T4.ACC", 300, 0xc3, false},
		"\x0f\x00\x01\x00\xa2\x02\x06\x88\x01\x02":                 {"R6.POS", 1, 0xc3, false},
		"\x0f\x00\x01\x00\xaa\x02\xff\x00\x01\x89\x03\x00\x2a\x00": {"N256", 3, 0xc3, true},
		"\x0f\x00\x01\x00\xa2\x02\x04\x86\x00\x00":                 {}, // the bits of a timer
		"\x0f\x00\x01\x00\xa2\x02\x00\x00\x00\x00":                 {}, // a file of no type that holds values
		"\x0f\x00\x01\x00\xa2\x02\x07\x89\x05":                     {},
		"\x06\x00\x01\x00\x03\x00\x00\x00\x00\x00":                 {},
		"\x0f\x00\x01\x00\xa2":                                     {},
	} {
		w := new(asking)
		_, writes, ok := w.file([]byte("\x07\x4d\x00\x11\x22\x33\x44" + d))
		if ok != (want.list != "") || ok && (w.sum != dissect.SumName(want.list) || w.first != want.first || w.kind != want.kind || writes != want.writes) {
			t.Errorf("% x: %v, %+v, writes %v; want %+v", d, ok, w, writes, want)
		}
	}
}

// heard follows names and keeps what is said of them.
type heard struct {
	names map[dissect.NameSum]string
	got   []string
}

func (h *heard) Message(*ot.Message)                       {}
func (h *heard) Code(*ot.Message, ot.Kind, uint32, []byte) {}
func (h *heard) Fact(ot.Host, ot.Attr, []byte)             {}
func (h *heard) Expect(ot.Endpoint, bool, ot.Protocol)     {}
func (h *heard) Client(ot.Dir)                             {}
func (h *heard) Follows() bool                             { return true }
func (h *heard) Element(uint32, uint8, float64)            {}
func (h *heard) FollowsName(sum dissect.NameSum) bool      { return h.names[sum] != "" }
func (h *heard) Named(sum dissect.NameSum, index uint32, v float64) {
	h.got = append(h.got, fmt.Sprintf("%s[%d]=%v", h.names[sum], index, v))
}

// several is the body of a Multiple Service Packet and of its answer.
func several(messages ...string) string {
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(messages)))
	at := 2 + 2*len(messages)
	for _, m := range messages {
		b = binary.LittleEndian.AppendUint16(b, uint16(at))
		at += len(m)
	}
	return string(b) + strings.Join(messages, "")
}

// connected and unconnected wrap a CIP message, as hex.
func connected(message string) string {
	return packed(cmdSendUnitData, itemConnected, "\x01\x02\x03\x04", itemConnectedData, "\x07\x00"+message)
}

func unconnected(message string) string { return packed(cmdSendRRData, 0, "", itemData, message) }

func packed(cmd, address uint16, a string, data uint16, d string) string {
	le := binary.LittleEndian.AppendUint16
	body := append(make([]byte, 6), 2, 0)
	body = append(le(le(body, address), uint16(len(a))), a...)
	body = append(le(le(body, data), uint16(len(d))), d...)
	head := make([]byte, header)
	binary.LittleEndian.PutUint16(head, cmd)
	binary.LittleEndian.PutUint16(head[2:], uint16(len(body)))
	return hex.EncodeToString(append(head, body...))
}

// PDUs of recorded conversations: a Micro800 that reads, is written and reads again (_IO_EM_DO_00, frames 11203 to
// 11220 of CIPvalue.pcap), and an SLC whose files are read (frames 16460 to 16463 of cip_only.pcap). The
// Multiple Service Packet and the Unconnected Send are written by hand: no capture has one with names.
func TestFollow(t *testing.T) {
	files, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet([]dissect.Protocol{Protocol{}}, files)
	if err != nil {
		t.Fatal(err)
	}
	const (
		asks  = "700028002a1f2b09000000000000000000000000000000000000000000000200a1000400d8b10298b10014002fba4c07910c5f494f5f454d5f444f5f30300100"
		says  = "70001d002a1f2b09000000000000000000000000000000000000000000000200a1000400d2408c19b10009002fbacc000000c10001"
		sets  = "70002b002a1f2b09000000000000000000000000000000000000000000000200a1000400d8b10298b10017002aba4d07910c5f494f5f454d5f444f5f3030c1000100ff"
		asksN = "70002d0009a6183f000000000000000000000000000000000000000001000200a1000400ac6fa509b1001900fbf24b0220672401074d00e0312b3d0f0082e5a20207890000"
		saysN = "7000270009a6183f000000000000000000000000000000000000000000000200a10004000100fe80b1001300fbf2cb000000074d00e0312b3d4f0082e50000"
		asksF = "70002d0009a6183f000000000000000000000000000000000000000001000200a1000400ac6fa509b1001900fcf24b0220672401074d00e0312b3d0f0083e5a204088a0000"
		saysF = "7000290009a6183f000000000000000000000000000000000000000000000200a10004000100fe80b1001500fcf2cb000000074d00e0312b3d4f0083e500000000"
	)
	// Two reads, of Step[4] (three elements) and of Mode, in one packet: the answer has a list of DINT, and a refusal.
	asksM := connected("\x0a\x02\x20\x02\x24\x01" + several("\x4c\x04\x91\x04Step\x28\x04\x03\x00", "\x4c\x03\x91\x04Mode\x01\x00"))
	saysM := connected("\x8a\x00\x00\x00" + several("\xcc\x00\x00\x00\xc4\x00\x0a\x00\x00\x00\xff\xff\xff\xff\x0c\x00\x00\x00", "\xcc\x00\x04\x00"))
	asksU := unconnected("\x52\x02\x20\x06\x24\x01\x07\xf9\x0a\x00\x4c\x03\x91\x04Mode\x01\x00\x01\x00\x01\x00")
	saysU := unconnected("\xcc\x00\x00\x00\xca\x00\x00\x00\xc0\x3f")
	for name, c := range map[string]struct {
		follow []string
		pdus   []string
		want   []string
	}{
		"read":              {[]string{"_io_em_do_00"}, []string{">" + asks, "<" + says}, []string{"_io_em_do_00[0]=1"}},
		"another tag":       {[]string{"_io_em_do_01"}, []string{">" + asks, "<" + says, ">" + sets}, nil},
		"an answer alone":   {[]string{"_io_em_do_00"}, []string{"<" + says}, nil},
		"an answer twice":   {[]string{"_io_em_do_00"}, []string{">" + asks, "<" + says, "<" + says}, []string{"_io_em_do_00[0]=1"}},
		"write, true":       {[]string{"_io_em_do_00"}, []string{">" + sets}, []string{"_io_em_do_00[0]=1"}},
		"integer file":      {[]string{"n7"}, []string{">" + asksN, "<" + saysN}, []string{"n7[0]=0"}},
		"float file":        {[]string{"f8"}, []string{">" + asksF, "<" + saysF}, []string{"f8[0]=0"}},
		"answers crossed":   {[]string{"f8", "n7"}, []string{">" + asksN, ">" + asksF, "<" + saysF, "<" + saysN}, []string{"f8[0]=0", "n7[0]=0"}},
		"several":           {[]string{"step", "mode"}, []string{">" + asksM, "<" + saysM}, []string{"step[4]=10", "step[5]=-1", "step[6]=12"}},
		"through a gateway": {[]string{"mode"}, []string{">" + asksU, "<" + saysU}, []string{"mode[0]=1.5"}},
	} {
		h := &heard{names: map[dissect.NameSum]string{}}
		for _, n := range c.follow {
			h.names[dissect.SumName(n)] = n
		}
		out, fl := dissect.NewSink(h), Protocol{}.Open()
		out.Run(set.Entries[0])
		for _, p := range c.pdus {
			b, err := hex.DecodeString(p[1:])
			if err != nil {
				t.Fatal(err)
			}
			dir := ot.Request
			if p[0] == '<' {
				dir = ot.Response
			}
			fl.Decode(dir, b, out)
		}
		if !slices.Equal(h.got, c.want) {
			t.Errorf("%s: %v, want %v", name, h.got, c.want)
		}
	}
}
