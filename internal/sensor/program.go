package sensor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// transfers puts blocks and files together that others transfer, as dissectors report
// their pieces (dissect.Piece), and hashes them.
type transfers struct {
	open    map[transferKey]*transfer
	carried map[expectation]carried // what announced conversations will bring
	done    []*transfer             // of this interval, in the order in which they ended
	passed  map[passed]struct{}     // files that are no projects, of this interval
	held    int                     // bytes of both
}

type transferKey struct {
	fl  *flow
	key uint32
}

// passed is one such file between two hosts: a page that is fetched every second is one.
type passed struct {
	ident *ident
	sum   string
}

// carried is what a control connection said of a data connection.
type carried struct {
	kind     dissect.PieceKind
	name     string
	up       bool
	ident    *ident // of the control connection
	protocol ot.Protocol
	project  bool // it is kept
}

type transfer struct {
	carried
	ref    ref
	ended  int64
	stream bool   // ends with its connection
	size   int64  // as stated, 0 unknown
	got    uint64 // bytes seen
	holes  uint32 // of the flow, when it began

	data    []byte
	have    []span // of data
	hash    hash.Hash
	next    int64 // bytes hashed, once data is let go
	failed  string
	sum     string
	without string // why data is not there
}

const (
	openTransfers = 64
	doneTransfers = 512
	maxName       = 256
	maxPieces     = 256 // runs of bytes in one transfer
)

// Piece takes a part of a block or file.
func (l *lane) Piece(p *dissect.Piece) {
	fl := l.cur
	if l.quoting || fl == nil {
		return
	}
	k := transferKey{fl, p.Key}
	t := l.moving.open[k]
	switch {
	case len(p.Name) > 0:
		if t != nil {
			l.ended(k, t, "another began before its end")
		}
		t = l.begin(k, carried{kind: p.Kind, name: nameOf(p.Name), up: p.Up, protocol: fl.entry.First, project: p.Kind != dissect.File || l.project(p.Name)})
	case t == nil:
		if t = l.carrying(fl, k); t == nil {
			if !fl.passing {
				l.health.Pieces++
			}
			return
		}
	}
	if t == nil {
		return
	}
	t.size = max(t.size, p.Size)
	t.ended = l.now.at
	if len(p.Data) > 0 {
		l.join(t, p)
	}
	switch {
	case p.Failed:
		l.ended(k, t, "it was broken off")
	case p.End:
		l.ended(k, t, "")
	}
}

// Carries notes what an announced conversation will bring.
func (l *lane) Carries(peer ot.Endpoint, udp bool, p *dissect.Piece) {
	fl := l.cur
	if l.quoting || fl == nil || peer.Port == 0 {
		return
	}
	if l.moving.carried == nil {
		l.moving.carried = map[expectation]carried{}
	}
	if len(l.moving.carried) >= openTransfers {
		l.hit("transfers")
		clear(l.moving.carried)
	}
	l.moving.carried[expectation{addrOf(peer.IP), peer.Port, udp}] = carried{
		kind: p.Kind, name: nameOf(p.Name), up: p.Up, ident: l.identOf(fl), protocol: fl.entry.First, project: p.Kind != dissect.File || l.project(p.Name),
	}
}

// carrying begins the transfer of a flow that a control connection announced.
func (l *lane) carrying(fl *flow, k transferKey) *transfer {
	if len(l.moving.carried) == 0 {
		return nil
	}
	udp := fl.key.proto == ipUDP
	for _, at := range [2]expectation{{fl.key.a, fl.key.ap, udp}, {fl.key.b, fl.key.bp, udp}} {
		if c, ok := l.moving.carried[at]; ok {
			delete(l.moving.carried, at)
			t := l.begin(k, c)
			if t != nil {
				t.stream = true
			}
			return t
		}
	}
	return nil
}

func nameOf(b []byte) string { return string(b[:min(len(b), maxName)]) }

func (l *lane) identOf(fl *flow) *ident {
	if fl.ident == nil {
		fl.ident = &ident{}
	}
	return fl.ident
}

func (l *lane) begin(k transferKey, c carried) *transfer {
	if !c.project {
		if l.passing == PassingIgnored {
			k.fl.passing = true
			return nil
		}
		c.name, _, _ = strings.Cut(c.name, "?") // what stands behind it may be a secret
	}
	if l.moving.open == nil {
		l.moving.open = map[transferKey]*transfer{}
	}
	if len(l.moving.open) >= openTransfers {
		l.hit("transfers")
		return nil
	}
	if c.ident == nil {
		c.ident = l.identOf(k.fl)
	}
	t := &transfer{carried: c, ref: l.now, ended: l.now.at, holes: k.fl.holes}
	l.moving.open[k] = t
	k.fl.transfers++
	return t
}

// join puts the bytes of a piece in their place.
func (l *lane) join(t *transfer, p *dissect.Piece) {
	t.got += uint64(len(p.Data))
	if t.failed != "" {
		return
	}
	if t.hash != nil { // too big to keep: hashed as it comes
		t.rest(p.At, p.Data)
		return
	}
	at := int64(len(t.data))
	if p.At != dissect.Behind {
		at = p.At
	}
	end := at + int64(len(p.Data))
	if at < 0 || end > int64(l.budget.Program) || l.moving.held+int(end)-len(t.data) > l.budget.Program {
		l.spill(t)
		if t.failed == "" {
			t.rest(at, p.Data)
		}
		return
	}
	if grow := int(end) - len(t.data); grow > 0 {
		if cap(t.data) < int(end) {
			t.data = slices.Grow(t.data, grow)
		}
		l.moving.held += grow
		t.data = t.data[:end]
	}
	copy(t.data[at:end], p.Data)
	d := datagram{have: t.have}
	d.add(span{int(at), int(end)})
	if t.have = d.have; len(t.have) > maxPieces {
		t.failed = "it came in too many pieces"
		l.drain(t)
	}
}

// spill lets the bytes of a transfer go that the budget has no room for; it is hashed on as it comes.
func (l *lane) spill(t *transfer) {
	t.without = fmt.Sprintf("more than the %d KiB that are kept", l.budget.Program>>10)
	if len(t.have) > 1 || len(t.have) == 1 && t.have[0] != (span{0, len(t.data)}) {
		t.failed = "it is too big to be put in order"
		l.drain(t)
		return
	}
	l.hit("programs")
	t.hash = sha256.New()
	t.hash.Write(t.data)
	t.next = int64(len(t.data))
	l.drain(t)
}

// rest hashes bytes that are not kept.
func (t *transfer) rest(at int64, b []byte) {
	if at == dissect.Behind {
		at = t.next
	}
	switch {
	case at > t.next:
		t.failed = "a part of it was not seen"
		return
	case at+int64(len(b)) <= t.next:
		return
	}
	b = b[t.next-at:]
	t.hash.Write(b)
	t.next += int64(len(b))
}

// drain gives the kept bytes back to the budget.
func (l *lane) drain(t *transfer) {
	l.moving.held -= len(t.data)
	t.data, t.have = nil, nil
}

// ended closes a transfer; why says what is wrong with it, "" nothing.
func (l *lane) ended(k transferKey, t *transfer, why string) {
	delete(l.moving.open, k)
	k.fl.transfers--
	if t.got == 0 {
		l.drain(t)
		return
	}
	whole := int64(len(t.data))
	if t.hash != nil {
		whole = t.next
	}
	switch {
	case t.failed != "":
	case why != "":
		t.failed = why
	case k.fl.holes != t.holes && t.size == 0: // what is missing may be nothing of it where its size is known
		t.failed = "a part of the connection was not captured"
	case t.hash == nil && (len(t.have) != 1 || t.have[0] != (span{0, len(t.data)})):
		t.failed = "a part of it was not seen"
	case t.size > 0 && whole != t.size:
		t.failed = fmt.Sprintf("%d bytes came of %d", whole, t.size)
	}
	switch {
	case t.failed != "":
		l.drain(t)
	case t.hash != nil:
		t.sum = hex.EncodeToString(t.hash.Sum(nil))
		t.got = uint64(whole)
	default:
		sum := sha256.Sum256(t.data)
		t.sum = hex.EncodeToString(sum[:])
		t.got = uint64(whole)
	}
	if !t.project {
		at := passed{t.ident, t.sum}
		if _, again := l.moving.passed[at]; again || t.failed != "" {
			l.drain(t)
			return
		}
		if l.moving.passed == nil {
			l.moving.passed = map[passed]struct{}{}
		}
		l.moving.passed[at] = struct{}{}
	}
	if !l.contents || !t.project && l.passing != PassingTold {
		l.drain(t)
	}
	if len(l.moving.done) >= doneTransfers {
		l.hit("transfers")
		l.drain(t)
		return
	}
	l.moving.done = append(l.moving.done, t)
}

// endTransfers closes what a connection carried. regular: it was ended by both sides.
func (l *lane) endTransfers(fl *flow, regular bool) {
	if fl.transfers == 0 {
		return
	}
	var keys []transferKey
	for k := range l.moving.open {
		if k.fl == fl {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y transferKey) int { return int(int64(x.key) - int64(y.key)) })
	for _, k := range keys {
		t, why := l.moving.open[k], ""
		if !regular || !t.stream {
			why = "the connection ended before it was whole"
		}
		l.ended(k, t, why)
	}
}

// clear begins a new interval.
func (m *transfers) clear() {
	for _, t := range m.done {
		m.held -= len(t.data)
	}
	m.done = nil
	clear(m.passed)
}

// Wants says whether a file is kept.
func (l *lane) Wants(path []byte) bool {
	return !l.quoting && (l.passing != PassingIgnored || l.project(path))
}

// project says whether a file may be a project, a program or a firmware: of others not even the name is kept.
func (l *lane) project(path []byte) bool {
	return l.projects != nil && l.projects(string(path[:min(len(path), 4*maxName)]))
}

// programs tells what was transferred, in packet order; the content of each hash once a run.
func (m *merger) programs(s *Summary, ls []*lane) {
	var all []*transfer
	for _, l := range ls {
		all = append(all, l.moving.done...)
	}
	slices.SortStableFunc(all, func(x, y *transfer) int {
		switch {
		case x.ref.number != y.ref.number:
			return int(int64(x.ref.number) - int64(y.ref.number))
		case x.name < y.name:
			return -1
		case x.name > y.name:
			return 1
		}
		return 0
	})
	for _, t := range all {
		if t.ident.conv == nil {
			s.Health.BudgetHit["programs"]++
			continue
		}
		p := Program{
			Flow: m.key(t.ident.conv), Ref: m.ref(t.ref), Ended: t.ended, Protocol: m.hints.set.Name(t.protocol), Kind: t.kind.String(),
			Name: ot.Printable(t.name), Up: t.up, Size: t.got, SHA256: t.sum, Missing: t.failed, Without: t.without,
		}
		if !t.project {
			p.Kind = KindPassing
		}
		if t.sum != "" && len(t.data) > 0 {
			if _, have := m.kept[t.sum]; !have {
				if len(m.kept) >= keptContents {
					clear(m.kept)
				}
				m.kept[t.sum] = struct{}{}
				p.Content = t.data
			}
		}
		s.Programs = append(s.Programs, p)
	}
}

// keptContents is how many contents are remembered as told; told twice is harmless.
const keptContents = 4096
