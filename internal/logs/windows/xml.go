package windows

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/ot"
)

// ReadXML calls fn with each <Event> of a document: one alone, many behind one another as
// wevtutil prints them, or within <Events> as the event viewer saves them.
func ReadXML(r io.Reader, fn func(Event) error) error {
	d := xml.NewDecoder(r)
	d.Strict = true
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // Decode has made UTF-8 of it, whatever the head says
	var open []*node
	left := maxNodes
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			if len(open) > 0 {
				return ot.Errorf(ot.Invalid, "the XML ends within an event")
			}
			return nil
		}
		if err != nil {
			return ot.Errorf(ot.Invalid, "this is no XML of Windows events: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(open) == 0 && t.Name.Local != "Event" {
				continue // <Events>
			}
			if left--; left < 0 || len(open) > maxDepth {
				return ot.Errorf(ot.Invalid, "an event has more than %d elements or stands more than %d deep", maxNodes, maxDepth)
			}
			n := &node{name: t.Name.Local}
			for _, a := range t.Attr {
				n.attrs = append(n.attrs, Value{a.Name.Local, a.Value})
			}
			if len(open) > 0 {
				last := open[len(open)-1]
				last.kids = append(last.kids, n)
			}
			open = append(open, n)
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text.Write(t)
			}
		case xml.EndElement:
			if len(open) == 0 {
				continue
			}
			n := open[len(open)-1]
			if open = open[:len(open)-1]; len(open) > 0 {
				continue
			}
			left = maxNodes
			e, ok := n.event()
			if !ok {
				return ot.Errorf(ot.Invalid, "an <Event> has no System/EventID")
			}
			if err := fn(e); err != nil {
				return err
			}
		}
	}
}

// InText finds an event in the text of a line, as forwarders put it into syslog.
func InText(text string) (Event, bool) {
	from := strings.Index(text, "<Event ")
	if from < 0 {
		if from = strings.Index(text, "<Event>"); from < 0 {
			return Event{}, false
		}
	}
	end := strings.LastIndex(text, "</Event>")
	if end < from {
		return Event{}, false
	}
	var out Event
	n := 0
	err := ReadXML(strings.NewReader(text[from:end+len("</Event>")]), func(e Event) error {
		out = e
		n++
		return nil
	})
	return out, err == nil && n == 1
}

// Decode turns what the event viewer saves (UTF-8 or UTF-16 with a mark) into UTF-8.
func Decode(r *bufio.Reader) (io.Reader, error) {
	mark, err := r.Peek(3)
	if err != nil && len(mark) < 2 {
		return nil, ot.Errorf(ot.Invalid, "the file is empty")
	}
	switch {
	case mark[0] == 0xff && mark[1] == 0xfe, mark[0] == 0xfe && mark[1] == 0xff:
		big := mark[0] == 0xfe
		if _, err := r.Discard(2); err != nil {
			return nil, err
		}
		return &fromUTF16{r: r, big: big}, nil
	case len(mark) == 3 && mark[0] == 0xef && mark[1] == 0xbb && mark[2] == 0xbf:
		if _, err := r.Discard(3); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// fromUTF16 reads UTF-16 as UTF-8.
type fromUTF16 struct {
	r    *bufio.Reader
	big  bool
	rest []byte
}

func (u *fromUTF16) unit() (rune, error) {
	var b [2]byte
	if _, err := io.ReadFull(u.r, b[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF // half a character at the end
		}
		return 0, err
	}
	if u.big {
		return rune(b[0])<<8 | rune(b[1]), nil
	}
	return rune(b[1])<<8 | rune(b[0]), nil
}

// Read implements io.Reader.
func (u *fromUTF16) Read(p []byte) (n int, err error) {
	for len(u.rest) < len(p) && len(u.rest) < 4096 {
		c, err := u.unit()
		if err == nil && utf16.IsSurrogate(c) {
			var low rune
			low, err = u.unit()
			c = utf16.DecodeRune(c, low)
		}
		if err != nil {
			if len(u.rest) > 0 {
				break
			}
			return 0, err
		}
		u.rest = utf8.AppendRune(u.rest, c)
	}
	n = copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}
