package opcua

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Numbers of the services' binary encodings (OPC 10000-6 annex A), those that are looked into.
const (
	serviceFault         = 397
	findServersResponse  = 425
	getEndpointsResponse = 431
	registerServer       = 437
	openChannel          = 446
	createSession        = 461
	createSessionAnswer  = 464
	activateSession      = 467
	addNodes             = 488
	addReferences        = 494
	deleteNodes          = 500
	deleteReferences     = 506
	browse               = 527
	translatePaths       = 554
	registerNodes        = 560
	unregisterNodes      = 566
	read                 = 631
	readAnswer           = 634
	historyRead          = 664
	write                = 673
	writeAnswer          = 676
	call                 = 712
	callAnswer           = 715
	createItems          = 751
	registerServer2      = 12211
)

// side says who sends the encoding with that number; DirNone: it is no service.
func side(id uint32) ot.Dir {
	switch id {
	case 410, 416, 422, 428, 437, 446, 452, 461, 467, 473, 479, 488, 494, 500, 506, 527, 533, 554, 560, 566,
		615, 621, 631, 664, 673, 700, 712, 751, 763, 769, 775, 781, 787, 793, 799, 826, 832, 841, 847, 12208, 12211, 15903:
		return ot.Request
	case serviceFault, 413, 419, 425, 431, 440, 449, 455, 464, 470, 476, 482, 491, 497, 503, 509, 530, 536, 557, 563, 569,
		618, 624, 634, 667, 676, 703, 715, 754, 766, 772, 778, 784, 790, 796, 802, 829, 835, 844, 850, 12209, 12212, 21001:
		return ot.Response
	}
	return ot.DirNone
}

// service reports one whole message. cut says that its end is missing.
func (f *flow) service(dir ot.Dir, kind []byte, id uint32, c cursor, cut bool, out *dissect.Sink) dissect.Fault {
	code := c.node().standard()
	from := side(code)
	if c.bad || from == ot.DirNone {
		return f.hidden(dir, kind, out)
	}
	f.readable(from, out)
	if dir != ot.DirNone {
		client := dir
		if from == ot.Response {
			client = dir.Reverse()
		}
		f.tell(client, out)
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindService, code, from
	if from == ot.Request {
		f.request(m, id, &c, out)
	} else {
		f.response(m, id, &c, out)
	}
	out.End()
	if cut {
		return dissect.OK
	}
	return c.fault()
}

// hidden reports a message that nobody can read.
func (f *flow) hidden(dir ot.Dir, kind []byte, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Text, m.Dir = kindTransport, kind, dir
	if kind[0] == 'M' && f.secured {
		f.mode(2, dir, out)
	}
	out.End()
	return dissect.OK
}

// request: authentication token | time 8 | handle 4 | diagnostics 4 | audit id | timeout 4 | more | fields
func (f *flow) request(m *ot.Message, id uint32, c *cursor, out *dissect.Sink) {
	if !c.node().null() {
		out.Secret() // whoever knows the token of a session without a policy owns the session
	}
	c.skip(16)
	c.text()
	c.skip(4)
	c.extension()
	switch m.Code {
	case openChannel:
		c.skip(8)
		m.N = c.u32() // security mode: 1 none, 2 sign, 3 sign and encrypt
		if m.N == 1 {
			f.mode(3, ot.Request, out)
		}
	case createSession:
		f.application(c, out.Src, out)
		c.text() // server URI
		m.Name = c.text()
		c.text() // session name
		c.text() // nonce
		f.certificate(out.Src, c.text(), out)
	case activateSession:
		f.signIn(m, c, out)
	case registerServer, registerServer2:
		uri, product := c.text(), c.text()
		m.Name = uri
		out.Fact("opcua.application_uri", uri)
		out.Fact("opcua.product_uri", product)
	case read:
		c.skip(12) // largest age, which timestamps
		f.readNodes(m, id, c)
	case write:
		f.writeNodes(m, c)
	case call:
		f.callMethods(m, c)
	case browse:
		c.node() // view
		c.skip(16)
		f.firstNode(m, c)
	case historyRead:
		c.extension()
		c.skip(5)
		f.firstNode(m, c)
	case createItems:
		c.skip(8) // subscription, which timestamps
		f.firstNode(m, c)
	case translatePaths, addNodes, addReferences, deleteNodes, deleteReferences, registerNodes, unregisterNodes:
		f.firstNode(m, c)
	}
}

// response: time 8 | handle 4 | result 4 | diagnostics | texts | more | fields
func (f *flow) response(m *ot.Message, id uint32, c *cursor, out *dissect.Sink) {
	c.skip(12)
	f.status(m, c.u32())
	c.diagnostics()
	c.texts()
	c.extension()
	switch m.Code {
	case getEndpointsResponse:
		f.endpoints(c, out)
	case findServersResponse:
		f.servers(m, c, out)
	case createSessionAnswer:
		out.Secret() // the token with which the session is used
		c.node()
		c.node()
		c.skip(8)
		c.text()
		f.certificate(out.Src, c.text(), out)
		f.endpoints(c, out)
	case readAnswer:
		f.answered(m, id, c, out)
	case writeAnswer, callAnswer: // the results of single nodes, of which the first speaks for all
		if m.N = uint32(c.count()); m.N > 0 {
			f.status(m, c.u32())
			c.b = nil
		}
	}
}

// status marks a message whose code says bad (OPC 10000-4 clause 7.39).
func (f *flow) status(m *ot.Message, code uint32) {
	if code>>30 == 2 {
		m.Status = code
		m.Flags |= ot.Refused
	}
}

// firstNode names the first of a list that begins with node ids.
func (f *flow) firstNode(m *ot.Message, c *cursor) {
	if m.N = uint32(c.count()); m.N > 0 {
		if n := c.node(); !c.bad {
			m.Name = n.append(f.name[:0])
		}
	}
	c.b = nil // nobody asks for the rest
}

const attributeValue = 13

// readNodes: [ node | attribute 4 | range | encoding ]
func (f *flow) readNodes(m *ot.Message, id uint32, c *cursor) {
	m.N = uint32(c.count())
	p := pending{id: id, used: true}
	for i := range m.N {
		n := c.node()
		attribute := c.u32()
		c.text()
		c.skip(2)
		c.text()
		if c.bad {
			break
		}
		if i == 0 {
			m.Name, m.Area = n.append(f.name[:0]), attribute
		}
		if n := n.standard(); attribute == attributeValue && identifies(n) && i < 1<<16 && int(p.n) < len(p.at) {
			p.at[p.n] = wanted{uint16(i), uint16(n)}
			p.n++
		}
	}
	if p.n > 0 {
		f.reads[f.nextRd] = p
		f.nextRd = (f.nextRd + 1) % uint8(len(f.reads))
	}
}

// writeNodes: [ node | attribute 4 | range | value ]
func (f *flow) writeNodes(m *ot.Message, c *cursor) {
	if m.N = uint32(c.count()); m.N == 0 {
		return
	}
	n := c.node()
	m.Area = c.u32()
	c.text()
	v := c.dataValue(0)
	if c.bad {
		return
	}
	m.Name = n.append(f.name[:0])
	if v.isNumber {
		m.Value = v.number
		m.Flags |= ot.HasValue
	}
	c.b = nil
}

// callMethods: [ object | method | arguments ]
func (f *flow) callMethods(m *ot.Message, c *cursor) {
	if m.N = uint32(c.count()); m.N == 0 {
		return
	}
	object, method := c.node(), c.node()
	if c.bad {
		return
	}
	m.Name = object.append(f.name[: 0 : len(f.name)/2])
	m.Name = method.append(append(f.name[:len(m.Name)], ' '))
	m.Class = methodClass(method.standard())
	c.b = nil
}

// methodClass is what a method of the standard does; the plant's own may do anything.
func methodClass(id uint32) ot.Class {
	switch id {
	case 11492, 12873, 3875, 12912: // get monitored items, resend data, refresh conditions
		return ot.Read
	case 9111, 9113, 9029: // acknowledge, confirm, comment
		return ot.Alarm
	case 11580, 11583, 11585, 11588, 11590, 11593: // open, close, read, write, position
		return ot.File
	}
	return ot.Control
}
