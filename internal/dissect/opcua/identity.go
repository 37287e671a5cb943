package opcua

import (
	"bytes"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/certificate"
	"github.com/skanse/skanse/internal/ot"
)

// server is the host on the server's side of a message from that side.
func server(dir ot.Dir, out *dissect.Sink) ot.Host {
	if dir == ot.Response {
		return out.Src
	}
	return out.Dst
}

// policy reports how the channel is protected: the part of the URI behind the #.
func (f *flow) policy(dir ot.Dir, uri []byte, out *dissect.Sink) {
	name := short(uri)
	if len(name) == 0 {
		return
	}
	f.secured = string(name) != "None"
	out.FactOf(server(dir, out), "opcua.security_policy", name)
}

func short(uri []byte) []byte { return uri[bytes.LastIndexByte(uri, '#')+1:] }

// mode reports, once a conversation, what can be told of the channel's messages:
// 1 signed only, 2 encrypted, 3 neither.
func (f *flow) mode(is byte, dir ot.Dir, out *dissect.Sink) {
	if f.modeIs == is || f.modeIs == 2 && is == 1 {
		return
	}
	f.modeIs = is
	out.FactOf(server(dir, out), "opcua.security_mode", append(f.text[:0], [...]string{1: "signed", 2: "signed and encrypted", 3: "none"}[is]...))
}

// readable notes that a message of a protected channel could be read.
func (f *flow) readable(dir ot.Dir, out *dissect.Sink) {
	if f.secured {
		f.mode(1, dir, out)
	}
}

// certificate reports whom a certificate names, who vouches and until when, once each.
func (f *flow) certificate(about ot.Host, der []byte, out *dissect.Sink) {
	if len(der) == 0 {
		return
	}
	sum := uint32(2166136261) // FNV-1a
	for _, x := range der {
		sum = (sum ^ uint32(x)) * 16777619
	}
	sum |= 1
	for _, have := range f.certs {
		if have == sum {
			return
		}
	}
	f.certs[f.nextC] = sum
	f.nextC = (f.nextC + 1) % uint8(len(f.certs))
	c, ok := certificate.Read(der)
	if !ok {
		return
	}
	out.FactOf(about, "opcua.certificate_subject", c.Subject)
	if c.SelfSigned {
		out.FactOf(about, "opcua.certificate_issuer", append(f.text[:0], "itself"...))
	} else {
		out.FactOf(about, "opcua.certificate_issuer", c.Issuer)
	}
	out.FactOf(about, "opcua.certificate_expires", c.Expires(f.text[:0]))
	out.FactOf(about, "opcua.certificate_name", c.DNS)
}

// application reads an ApplicationDescription: URI | product URI | name | type 4 |
// gateway | discovery profile | discovery URLs
func (f *flow) application(c *cursor, about ot.Host, out *dissect.Sink) {
	uri, product, name := c.text(), c.text(), c.localText()
	c.skip(4)
	c.text()
	c.text()
	c.texts()
	if c.bad {
		return
	}
	out.FactOf(about, "opcua.application_uri", uri)
	out.FactOf(about, "opcua.product_uri", product)
	out.FactOf(about, "opcua.application_name", name)
}

// endpoints: [ URL | server | certificate | mode 4 | policy URI | user tokens | transport profile | level 1 ]
func (f *flow) endpoints(c *cursor, out *dissect.Sink) {
	for n := c.count(); n > 0 && !c.bad; n-- {
		url := c.text()
		f.application(c, out.Src, out)
		f.certificate(out.Src, c.text(), out)
		mode, policy := c.u32(), c.text()
		offers := append(f.text[:0], url[:min(len(url), 256)]...)
		offers = append(offers, ' ')
		policy = short(policy)
		offers = append(offers, policy[:min(len(policy), 64)]...)
		switch mode {
		case 1:
			offers = append(offers, ", neither signed nor encrypted"...)
		case 2:
			offers = append(offers, ", signed"...)
		case 3:
			offers = append(offers, ", signed and encrypted"...)
		}
		offers = f.tokens(c, offers)
		c.text()
		c.skip(1)
		if c.bad {
			return
		}
		out.Fact("opcua.endpoint", offers)
	}
}

// tokens: [ policy id | type 4 | issued type | issuer's URL | policy URI ]
func (f *flow) tokens(c *cursor, dst []byte) []byte {
	var seen [4]bool
	for n := c.count(); n > 0 && !c.bad; n-- {
		c.text()
		kind := c.u32()
		c.text()
		c.text()
		c.text()
		if kind < 4 {
			seen[kind] = true
		}
	}
	sign := "; sign-in: "
	for i, name := range [...]string{"anonymous", "user name", "certificate", "issued token"} {
		if seen[i] {
			dst = append(append(dst, sign...), name...)
			sign = ", "
		}
	}
	return dst
}

// servers names the applications that a discovery server knows. Only one that
// stands alone is surely the sender itself.
func (f *flow) servers(m *ot.Message, c *cursor, out *dissect.Sink) {
	m.N = uint32(c.count())
	if m.N == 1 {
		f.application(c, out.Src, out)
	}
	c.b = nil
}

// signIn: signature | certificates | locales | token | …
func (f *flow) signIn(m *ot.Message, c *cursor, out *dissect.Sink) {
	c.text()
	c.text()
	for n := c.count(); n > 0 && !c.bad; n-- { // certificates of the client's software
		c.text()
		c.text()
	}
	c.texts()
	id, body := c.extension()
	if c.bad {
		return
	}
	out.Secret()
	switch id {
	case 321, 0: // no token at all means the same
		out.Also(kindToken, 0, nil)
	case 324:
		out.Also(kindToken, 1, nil)
		t := cursor{b: body}
		t.text() // policy
		t.text() // name
		password, algorithm := t.text(), t.text()
		if !t.bad && len(password) > 0 && len(algorithm) == 0 && !f.secured {
			m.Flags |= ot.ClearText
			out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "opcua password"...))
		}
	case 327:
		out.Also(kindToken, 2, nil)
	case 940:
		out.Also(kindToken, 3, nil)
	}
}

// pending is a read of nodes that identify a server, until its answer comes.
type pending struct {
	id   uint32
	used bool
	n    uint8
	at   [8]wanted
}

type wanted struct{ index, node uint16 }

// Nodes of the server object (OPC 10000-6 annex A) that say what it is.
const (
	nodeServerStatus = 2256
	nodeBuildInfo    = 2260
	nodeProductName  = 2261
	nodeProductURI   = 2262
	nodeManufacturer = 2263
	nodeVersion      = 2264
	nodeBuildNumber  = 2265
	nodeServerArray  = 2254

	encodingBuildInfo    = 340
	encodingServerStatus = 864
)

func identifies(n uint32) bool {
	return n >= nodeBuildInfo && n <= nodeBuildNumber || n == nodeServerArray
}

// answered reads the values of a ReadResponse: those that were asked for by
// name, and the structures that say themselves what they are.
func (f *flow) answered(m *ot.Message, id uint32, c *cursor, out *dissect.Sink) {
	var p pending
	for i := range f.reads {
		if f.reads[i].used && f.reads[i].id == id {
			p, f.reads[i] = f.reads[i], pending{}
			break
		}
	}
	m.N = uint32(c.count())
	for i := range m.N {
		v := c.dataValue(0)
		if c.bad {
			return
		}
		switch v.object {
		case encodingBuildInfo:
			build := cursor{b: v.body}
			build.build(out)
		case encodingServerStatus:
			status := cursor{b: v.body}
			status.skip(20) // started, now, state
			status.build(out)
		}
		for _, w := range p.at[:p.n] {
			if uint32(w.index) == i {
				said(uint32(w.node), v.text, out)
			}
		}
	}
	c.b = nil // diagnostics
}

// build reads a BuildInfo: product URI | manufacturer | product | version | build | date 8
func (c *cursor) build(out *dissect.Sink) {
	uri, maker, product, version, number := c.text(), c.text(), c.text(), c.text(), c.text()
	if c.bad {
		return
	}
	said(nodeProductURI, uri, out)
	said(nodeManufacturer, maker, out)
	said(nodeProductName, product, out)
	said(nodeVersion, version, out)
	said(nodeBuildNumber, number, out)
}

func said(n uint32, text []byte, out *dissect.Sink) {
	switch n {
	case nodeProductURI:
		out.Fact("opcua.product_uri", text)
	case nodeManufacturer:
		out.Fact("opcua.manufacturer", text)
	case nodeProductName:
		out.Fact("opcua.product_name", text)
	case nodeVersion:
		out.Fact("opcua.software_version", text)
	case nodeBuildNumber:
		out.Fact("opcua.build_number", text)
	case nodeServerArray:
		out.Fact("opcua.application_uri", text)
	}
}
