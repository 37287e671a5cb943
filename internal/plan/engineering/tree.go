package engineering

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// Bounds of XML, so that a small file cannot become a big one in memory.
const (
	maxDepth = 200
	maxNodes = 500_000
	maxTag   = 1 << 20 // bytes between < and >
	maxWords = 32 << 20
)

// node is one element with what a reader may want of it.
type node struct {
	name  string
	attrs []xml.Attr
	text  string
	line  int
	kids  []*node
}

// attr returns an attribute's value, whatever its namespace.
func (n *node) attr(name string) string {
	for i := range n.attrs {
		if n.attrs[i].Name.Local == name {
			return strings.TrimSpace(n.attrs[i].Value)
		}
	}
	return ""
}

// kid returns the first child of that name, or an empty node.
func (n *node) kid(name string) *node {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return &node{line: n.line}
}

// each calls fn for the children of that name.
func (n *node) each(name string, fn func(*node) error) error {
	for _, k := range n.kids {
		if k.name == name {
			if err := fn(k); err != nil {
				return err
			}
		}
	}
	return nil
}

// all calls fn for every element of that name below.
func (n *node) all(name string, fn func(*node) error) error {
	for _, k := range n.kids {
		if k.name == name {
			if err := fn(k); err != nil {
				return err
			}
		}
		if err := k.all(name, fn); err != nil {
			return err
		}
	}
	return nil
}

// rootName is the first element's name without its prefix; empty: the text is no XML.
func rootName(text []byte) string {
	rest := bytes.TrimLeft(text, " \t\r\n")
	for bytes.HasPrefix(rest, []byte("<")) {
		end := ">"
		switch {
		case bytes.HasPrefix(rest, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(rest, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(rest, []byte("<!")):
			if i := bytes.IndexByte(rest, '['); i > 0 && i < bytes.IndexByte(rest, '>') {
				end = "]>"
			}
		default:
			name := rest[1:min(len(rest), 200)]
			if i := bytes.IndexAny(name, " \t\r\n/>"); i >= 0 {
				name = name[:i]
			}
			return string(name[1+bytes.IndexByte(name, ':'):])
		}
		i := bytes.Index(rest, []byte(end))
		if i < 0 {
			return "unreadable"
		}
		rest = bytes.TrimLeft(rest[i+len(end):], " \t\r\n")
	}
	return ""
}

func decoder(text []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // decoded already
	return d
}

// tree reads XML without the named parts. It declares no entities, and reads
// no document that does: those of engineering tools have none.
func (f *file) tree(text []byte, skip []string) (*node, error) {
	if line := longTag(text); line > 0 {
		return nil, f.wrong(line, "an element of more than %d bytes between < and >: this is no export of an engineering tool, or it is damaged", maxTag)
	}
	d := decoder(text)
	root := &node{}
	open := []*node{root}
	depth, skipped, nodes, words := 0, 0, 0, 0
	for {
		t, err := d.Token()
		line, _ := d.InputPos()
		if errors.Is(err, io.EOF) && depth == 0 {
			break
		}
		if err != nil {
			return nil, f.badXML(line, err, d.InputOffset() >= int64(len(text)))
		}
		switch t := t.(type) {
		case xml.Directive:
			if bytes.Contains(t, []byte("ENTITY")) || bytes.Contains(t, []byte("[")) {
				return nil, f.wrong(line, "the file declares entities of its own (<!DOCTYPE …>), which can unfold to anything and which no engineering tool writes: it is not read")
			}
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return nil, f.wrong(line, "elements stand %d deep in each other: this is no export of an engineering tool", maxDepth)
			}
			if skipped > 0 || depth > 1 && slices.Contains(skip, t.Name.Local) {
				skipped++
				continue
			}
			if nodes++; nodes > maxNodes {
				return nil, f.wrong(line, "more than %d elements about hardware; export a part of the plant", maxNodes)
			}
			n := &node{name: t.Name.Local, attrs: t.Attr, line: line}
			for i := range t.Attr {
				words += len(t.Attr[i].Value)
			}
			top := open[len(open)-1]
			top.kids = append(top.kids, n)
			open = append(open, n)
		case xml.EndElement:
			depth--
			if skipped > 0 {
				skipped--
				continue
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if skipped > 0 || len(open) == 1 || len(bytes.TrimSpace(t)) == 0 {
				continue
			}
			n := open[len(open)-1]
			if room := 4096 - len(n.text); room > 0 { // no value of interest is longer
				n.text += string(t[:min(room, len(t))])
			}
			words += min(len(t), 4096)
		}
		if words > maxWords {
			return nil, f.wrong(line, "more than %d MiB of text about hardware; export a part of the plant", maxWords>>20)
		}
	}
	if len(root.kids) == 0 {
		return nil, f.wrong(1, "no element in it")
	}
	return root.kids[0], nil
}

func (f *file) badXML(line int, err error, atEnd bool) error {
	if atEnd || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.wrong(line, "the file ends in the middle: it is cut; copy or export it again")
	}
	what := err.Error()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		what, line = syntax.Msg, syntax.Line
	}
	return f.wrong(line, "this is no well-formed XML (%s); export the file again", ot.Printable(what))
}

// longTag returns the line of an element that is longer than any real one; 0: none.
// The decoder keeps all attributes of an element, at many bytes each.
func longTag(text []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '<')
		if i < 0 {
			return 0
		}
		at += i
		end := ">"
		switch rest := text[at:]; {
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			end = "]]>"
		case bytes.HasPrefix(rest, []byte("<!--")):
			end = "-->"
		}
		n := bytes.Index(text[at:], []byte(end))
		if n < 0 {
			n = len(text) - at
		}
		if end == ">" && n > maxTag {
			return 1 + bytes.Count(text[:at], []byte("\n"))
		}
		at = min(at+n+len(end), len(text))
	}
}
