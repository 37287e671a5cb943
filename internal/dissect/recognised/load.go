package recognised

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// What a list may hold. A user's file is input like any other.
const (
	maxFile     = 1 << 20
	maxEntries  = 2000
	maxPatterns = 4000
	maxPorts    = 64
	maxChecks   = 16
	maxAt       = 1024 // offset of the last byte that is looked at
	maxText     = 120
	strong      = 24 // bits that claim a conversation on any port
)

type file struct {
	Recognised []entryFile `yaml:"recognised"`
}

type entryFile struct {
	Protocol   string        `yaml:"protocol"`
	Title      string        `yaml:"title"`
	About      string        `yaml:"about"`
	References []string      `yaml:"references"`
	Verified   string        `yaml:"verified"`
	Class      string        `yaml:"class"`
	Tool       bool          `yaml:"tool"`
	Patterns   []patternFile `yaml:"patterns"`
	Domains    []string      `yaml:"domains"`
	ALPN       []string      `yaml:"alpn"`
	Issuers    []string      `yaml:"issuers"`
}

type patternFile struct {
	Transport string         `yaml:"transport"` // tcp, udp, ethernet
	Ports     []uint16       `yaml:"ports"`     // of ethernet: EtherTypes
	Anywhere  bool           `yaml:"anywhere"`  // strong enough for any port
	From      string         `yaml:"from"`      // client, server; either when left out
	Bytes     map[int]string `yaml:"bytes"`     // by offset, negative from the end: hex with ? for any digit, or a text in ''
	Size      *sizeFile      `yaml:"size"`      // of a datagram, or of what has come of a stream
	Length    *lengthFile    `yaml:"length"`    // a field that must say how long the message is
}

type sizeFile struct {
	Min      int `yaml:"min"`
	Max      int `yaml:"max"`
	Multiple int `yaml:"multiple"`
}

type lengthFile struct {
	At     int  `yaml:"at"`
	Bytes  int  `yaml:"bytes"`
	Little bool `yaml:"little"`
	Unit   int  `yaml:"unit"` // bytes that 1 stands for; 1 when left out
	Add    int  `yaml:"add"`
}

// Shipped returns the list that ships.
func Shipped() (*List, error) { return With("") }

// With returns the shipped list together with the user's *.yaml in folder,
// which need not exist. An entry of a name that is there already adds to it.
func With(folder string) (*List, error) {
	l := &List{domains: map[string]*Entry{}, alpn: map[string]*Entry{}}
	shipped, err := fs.Sub(catalog.Files, "recognised")
	if err != nil {
		return nil, fmt.Errorf("open the recognised protocols: %w", err)
	}
	if err := l.folder(shipped, "recognised", false); err != nil {
		return nil, err
	}
	if folder != "" {
		if err := l.folder(os.DirFS(folder), folder, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	l.compile()
	return l, nil
}

func (l *List) folder(from fs.FS, name string, own bool) error {
	found, err := fs.ReadDir(from, ".")
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for _, f := range found {
		if f.IsDir() || filepath.Ext(f.Name()) != ".yaml" {
			continue
		}
		path := filepath.Join(name, f.Name())
		in, err := from.Open(f.Name())
		if err != nil {
			return fmt.Errorf("open %s: %w", path, err)
		}
		raw, err := io.ReadAll(io.LimitReader(in, maxFile+1))
		if err = errors.Join(err, in.Close()); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if err := l.add(path, raw, own); err != nil {
			return err
		}
	}
	return nil
}

func (l *List) add(path string, raw []byte, own bool) error {
	if len(raw) > maxFile {
		return ot.Errorf(ot.Invalid, "%s: larger than 1 MB", path)
	}
	var f file
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return ot.Errorf(ot.Invalid, "%s: %w", path, err)
	}
	for i := range f.Recognised {
		if err := l.entry(&f.Recognised[i], own); err != nil {
			return ot.Errorf(ot.Invalid, "%s: entry %d (%s): %w", path, i+1, ot.Printable(f.Recognised[i].Protocol), err)
		}
	}
	return nil
}

var names = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,39}$`)

func (l *List) entry(f *entryFile, own bool) error {
	if !names.MatchString(f.Protocol) {
		return errors.New("protocol: a name of lower-case letters, digits, dots and hyphens is needed")
	}
	var e *Entry
	if i := slices.IndexFunc(l.Entries, func(e *Entry) bool { return e.ID == f.Protocol }); i >= 0 {
		if !own {
			return errors.New("protocol: is in the list already")
		}
		e = l.Entries[i]
	} else {
		if len(l.Entries) >= maxEntries {
			return fmt.Errorf("more than %d entries", maxEntries)
		}
		e = &Entry{ID: f.Protocol, Title: f.Title, About: f.About, References: f.References, Verified: f.Verified, Tool: f.Tool, Own: own, Class: ot.Other, naming: -1, service: -1}
		if e.Title == "" || len(e.Title) > maxText {
			return fmt.Errorf("title: 1 to %d characters are needed", maxText)
		}
		if f.Class != "" {
			if e.Class = ot.ParseClass(f.Class); e.Class == 0 {
				return fmt.Errorf("class: none is called %q", f.Class)
			}
		}
		l.Entries = append(l.Entries, e)
	}
	if len(f.Patterns)+len(f.Domains)+len(f.ALPN)+len(f.Issuers) == 0 {
		return errors.New("neither patterns nor domains, alpn or issuers: it would never be recognised")
	}
	for i := range f.Patterns {
		p, err := readPattern(&f.Patterns[i])
		if err != nil {
			return fmt.Errorf("pattern %d: %w", i+1, err)
		}
		if len(e.patterns) >= maxPatterns {
			return fmt.Errorf("more than %d patterns", maxPatterns)
		}
		e.patterns = append(e.patterns, p)
	}
	return l.words(e, f)
}

func (l *List) words(e *Entry, f *entryFile) error {
	for _, d := range f.Domains {
		d = strings.Trim(strings.ToLower(d), ".")
		if len(d) > longestName || !strings.Contains(d, ".") {
			return fmt.Errorf("domains: %q is no domain", ot.Printable(d))
		}
		if other := l.domains[d]; other != nil && other != e {
			return fmt.Errorf("domains: %s belongs to %s already", d, other.ID)
		}
		l.domains[d] = e
		e.Domains = append(e.Domains, d)
	}
	for _, a := range f.ALPN {
		if a == "" || len(a) > maxText {
			return errors.New("alpn: 1 to 120 characters are needed")
		}
		l.alpn[a] = e
		e.ALPN = append(e.ALPN, a)
	}
	for _, t := range f.Issuers {
		if len(t) < 4 || len(t) > maxText {
			return errors.New("issuers: 4 to 120 characters are needed")
		}
		l.issuers = append(l.issuers, issuer{t, e})
		e.Issuers = append(e.Issuers, t)
	}
	return nil
}

func readPattern(f *patternFile) (p pattern, err error) {
	switch f.Transport {
	case "tcp":
		p.transport = dissect.TCP
	case "udp":
		p.transport = dissect.UDP
	case "ethernet":
		p.transport = dissect.Ether
	default:
		return p, fmt.Errorf("transport: %q is none of tcp, udp, ethernet", ot.Printable(f.Transport))
	}
	switch f.From {
	case "":
	case "client":
		p.from = ot.Request
	case "server":
		p.from = ot.Response
	default:
		return p, fmt.Errorf("from: %q is neither client nor server", ot.Printable(f.From))
	}
	if len(f.Ports) > maxPorts || len(f.Bytes) > maxChecks {
		return p, fmt.Errorf("more than %d ports or %d places of bytes", maxPorts, maxChecks)
	}
	p.ports, p.anywhere = f.Ports, f.Anywhere
	for _, at := range slices.Sorted(maps.Keys(f.Bytes)) {
		if err := p.check(at, f.Bytes[at]); err != nil {
			return p, err
		}
	}
	if s := f.Size; s != nil {
		p.minSize, p.maxSize, p.multiple = s.Min, s.Max, s.Multiple
		if s.Min < 0 || s.Max < 0 || s.Multiple < 0 || s.Max > 0 && s.Max < s.Min || max(s.Min, s.Max) > 1<<16 {
			return p, errors.New("size: min and max are numbers up to 65536, the smaller first")
		}
	}
	if n := f.Length; n != nil {
		p.length = length{at: n.At, width: n.Bytes, little: n.Little, unit: max(n.Unit, 1), add: n.Add}
		if n.At < 0 || n.At > maxAt || n.Bytes < 1 || n.Bytes > 4 || n.Unit < 0 || n.Unit > 64 || n.Add < -maxAt || n.Add > maxAt {
			return p, errors.New("length: at up to 1024, 1 to 4 bytes, unit up to 64, add up to 1024 either way")
		}
		p.need = max(p.need, n.At+n.Bytes)
	}
	p.need = max(p.need, 1)
	switch {
	case p.transport == dissect.Ether && len(f.Ports) == 0:
		return p, errors.New("ports: an EtherType is needed")
	case p.transport == dissect.Ether:
	case p.anywhere && p.bits < strong:
		return p, fmt.Errorf("anywhere: %d bits are too few to claim a conversation on any port; %d are needed, or ports without anywhere", p.bits, strong)
	case !p.anywhere && len(f.Ports) == 0:
		return p, errors.New("ports: needed where anywhere is not set")
	}
	return p, nil
}

// check reads hex digits with ? for any, or a text in single quotes.
func (p *pattern) check(at int, text string) error {
	c := check{at: at}
	if inner, ok := strings.CutPrefix(text, "'"); ok && strings.HasSuffix(inner, "'") {
		c.want = []byte(strings.TrimSuffix(inner, "'"))
		c.mask = bytes.Repeat([]byte{0xff}, len(c.want))
	} else {
		digits := strings.ReplaceAll(text, " ", "")
		want, err := hex.DecodeString(strings.ReplaceAll(digits, "?", "0"))
		if err != nil {
			return fmt.Errorf("bytes at %d: %q is neither pairs of hex digits (? for any) nor 'text'", at, ot.Printable(text))
		}
		c.want, c.mask = want, make([]byte, len(want))
		for i, d := range digits {
			if d != '?' {
				c.mask[i/2] |= 0xf0 >> (i % 2 * 4)
			}
		}
	}
	if at < -maxAt || len(c.want) == 0 || at+len(c.want) > maxAt || at < 0 && at+len(c.want) > 0 {
		return errors.New("bytes at " + strconv.Itoa(at) + ": at most 1024 bytes from the beginning, or with a negative place from the end, are looked at")
	}
	for _, m := range c.mask {
		for ; m != 0; m &= m - 1 {
			p.bits++
		}
	}
	p.checks = append(p.checks, c)
	p.need = max(p.need, at+len(c.want), -at)
	return nil
}
