package smb

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Codes of kind transfer.
const (
	written = 1
	fetched = 2
)

const (
	maxFiles  = 32 // open at once in one conversation; the oldest is forgotten
	maxReads  = 16 // reads without an answer yet
	maxTrees  = 8  // shares in use
	maxShare  = 64
	maxOpened = 192
	smb1Mark  = 1 << 63 // of message ids, so that both protocols' stay apart
)

// files follows what is opened, read, written and closed, to tell which files
// moved and how large they were. It is made when the first file is opened.
type files struct {
	open  [maxFiles]file
	next  uint8
	last  uint8 // the file opened last: what a chain of requests means by "the same"
	reads [maxReads]reading
	nextR uint8
	trees [maxTrees]tree
	nextT uint8
}

type file struct {
	id        [16]byte
	asked     uint64 // id of the message that opens it, 0 once it is open
	used      bool
	name      [maxOpened]byte
	n         uint8
	pipe      bool
	down, out uint64 // bytes read from and written to it, by the end of the last range
}

// reading is a request to read, until its answer says how much came.
type reading struct {
	message uint64
	file    uint8
	at      uint64
}

// tree is a share in use: asked while the server has not given its number.
type tree struct {
	message uint64
	id      uint32
	used    bool
	name    [maxShare]byte
	n       uint8
}

func (f *flow) table() *files {
	if f.files == nil {
		f.files = &files{}
	}
	return f.files
}

// connects keeps the share that a request asks for.
func (t *files) connects(message uint64, path []byte) {
	e := &t.trees[t.nextT]
	t.nextT = (t.nextT + 1) % maxTrees
	*e = tree{message: message, used: true}
	e.n = uint8(copy(e.name[:], share(path)))
}

// connected gives the share its number.
func (t *files) connected(message uint64, id uint32, refused bool) {
	for i := range t.trees {
		if e := &t.trees[i]; e.used && e.message == message {
			e.message, e.id, e.used = 0, id, !refused
		}
	}
}

func (t *files) share(id uint32) []byte {
	for i := range t.trees {
		if e := &t.trees[i]; e.used && e.message == 0 && e.id == id {
			return e.name[:e.n]
		}
	}
	return nil
}

// share is the last part of \\server\share.
func share(path []byte) []byte {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '\\' {
			return path[i+1:]
		}
	}
	return path
}

// administrative says whether a share is one that Windows makes for its
// administrators: a drive, ADMIN$ or PRINT$; IPC$ is for calls.
func administrative(name []byte) bool {
	n := len(name)
	return n >= 2 && name[n-1] == '$' && (n == 2 || n == 6 && (name[0]|0x20) == 'a')
}

// opens keeps the file that a request asks for.
func (t *files) opens(message uint64, of uint32, name []byte) {
	t.last, t.next = t.next, (t.next+1)%maxFiles
	e := &t.open[t.last]
	*e = file{asked: message, used: true}
	s := t.share(of)
	n := copy(e.name[:], s)
	e.pipe = len(s) == 4 && string(s) == "IPC$"
	if n > 0 && len(name) > 0 && name[0] != '\\' {
		n += copy(e.name[n:], `\`)
	}
	e.n = uint8(n + copy(e.name[n:], name))
}

// opened gives the file its id.
func (t *files) opened(message uint64, id []byte, refused bool) {
	for i := range t.open {
		if e := &t.open[i]; e.used && e.asked == message && message != 0 {
			e.asked, e.used = 0, !refused
			copy(e.id[:], id)
			return
		}
	}
}

// find returns the number of an open file. All ones mean the one opened before in the same packet.
func (t *files) find(id []byte) (uint8, bool) {
	same := true
	for _, x := range id {
		same = same && x == 0xff
	}
	if same {
		return t.last, t.open[t.last].used
	}
	for i := range t.open {
		if e := &t.open[i]; e.used && string(e.id[:len(id)]) == string(id) {
			return uint8(i), true
		}
	}
	return 0, false
}

func (t *files) writes(id []byte, at uint64, n uint32) {
	if i, ok := t.find(id); ok && at < 1<<50 {
		t.open[i].out = max(t.open[i].out, at+uint64(n))
	}
}

func (t *files) asks(message uint64, id []byte, at uint64) {
	if i, ok := t.find(id); ok && at < 1<<50 {
		t.reads[t.nextR] = reading{message, i, at}
		t.nextR = (t.nextR + 1) % maxReads
	}
}

func (t *files) came(message uint64, n uint32) {
	for i := range t.reads {
		if r := &t.reads[i]; r.message == message && message != 0 {
			e := &t.open[r.file]
			e.down = max(e.down, r.at+uint64(n))
			r.message = 0
			return
		}
	}
}

// closes forgets a file and returns it, if anything but calls moved through it.
func (t *files) closes(id []byte) *file {
	i, ok := t.find(id)
	if !ok {
		return nil
	}
	e := &t.open[i]
	e.used = false
	if e.pipe || e.down|e.out == 0 {
		return nil
	}
	return e
}

// moved reports a file that was closed: which and how many bytes of it went which way.
func (f *flow) moved(e *file, as int, out *dissect.Sink) {
	if e == nil {
		return
	}
	for _, t := range [...]struct {
		code uint32
		n    uint64
	}{{written, e.out}, {fetched, e.down}} {
		if t.n == 0 {
			continue
		}
		m := out.BeginAs(as)
		m.Kind, m.Code, m.Dir, m.Name = transfer, t.code, ot.Request, e.name[:e.n]
		m.N = uint32(min(t.n, 1<<32-1))
		out.End()
	}
}

// follow2 follows files and shares through a message of SMB 2. Requests of one
// packet stand in order, so what a later one means is known.
func (f *flow) follow2(m *ot.Message, h, body, name []byte, out *dissect.Sink) {
	message, of := binary.LittleEndian.Uint64(h[24:])+1, binary.LittleEndian.Uint32(h[36:])
	response, refused := m.Dir == ot.Response, m.Flags&ot.Refused != 0
	if f.files == nil && (response || m.Code != treeConnect2 && m.Code != create2) {
		return
	}
	t := f.table()
	switch {
	case m.Code == treeConnect2 && !response:
		t.connects(message, name)
	case m.Code == treeConnect2:
		t.connected(message, of, refused)
	case m.Code == create2 && !response:
		t.opens(message, of, name)
	case m.Code == create2 && len(body) >= 80:
		t.opened(message, body[64:80], refused)
	case m.Code == create2 && refused:
		t.opened(message, nil, true)
	case m.Code == write2 && !response && len(body) >= 32:
		t.writes(body[16:32], binary.LittleEndian.Uint64(body[8:]), binary.LittleEndian.Uint32(body[4:]))
	case m.Code == read2 && !response && len(body) >= 32:
		t.asks(message, body[16:32], binary.LittleEndian.Uint64(body[8:]))
	case m.Code == read2 && response && !refused && len(body) >= 8:
		t.came(message, binary.LittleEndian.Uint32(body[4:]))
	}
}

// closed2 reports the file that a close request of SMB 2 ends.
func (f *flow) closed2(body []byte, out *dissect.Sink) {
	if f.files != nil && len(body) >= 24 {
		f.moved(f.files.closes(body[8:24]), smb2, out)
	}
}

// follow1 does the same for SMB 1, whose files have numbers of two bytes.
func (f *flow) follow1(code byte, response, refused bool, b, name []byte) {
	message := uint64(binary.LittleEndian.Uint16(b[30:])) | smb1Mark
	of := uint32(binary.LittleEndian.Uint16(b[24:]))
	if f.files == nil && (response || code != treeConnect1 && code != ntCreate1 && code != openAndX1) {
		return
	}
	t := f.table()
	params, _, _ := words(b)
	switch {
	case code == treeConnect1 && !response:
		t.connects(message, name)
	case code == treeConnect1:
		t.connected(message, of, refused)
	case (code == ntCreate1 || code == openAndX1) && !response:
		t.opens(message, of, name)
	case code == ntCreate1 && len(params) >= 7:
		t.opened(message, params[5:7], refused)
	case code == openAndX1 && len(params) >= 6:
		t.opened(message, params[4:6], refused)
	case (code == ntCreate1 || code == openAndX1) && refused:
		t.opened(message, nil, true)
	case code == write1 && !response && len(params) >= 22:
		t.writes(params[4:6], uint64(binary.LittleEndian.Uint32(params[6:])), uint32(binary.LittleEndian.Uint16(params[20:]))|uint32(binary.LittleEndian.Uint16(params[18:]))<<16)
	case code == read1 && !response && len(params) >= 10:
		t.asks(message, params[4:6], uint64(binary.LittleEndian.Uint32(params[6:])))
	case code == read1 && response && !refused && len(params) >= 12:
		t.came(message, uint32(binary.LittleEndian.Uint16(params[10:])))
	}
}

// closed1 reports the file that a close request of SMB 1 ends.
func (f *flow) closed1(b []byte, out *dissect.Sink) {
	if params, _, _ := words(b); f.files != nil && len(params) >= 2 {
		f.moved(f.files.closes(params[:2]), smb1, out)
	}
}
