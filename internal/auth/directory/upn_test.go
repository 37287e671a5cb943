package directory_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/skanse/skanse/internal/auth/directory"
)

// domain answers as a domain controller does where that differs from OpenLDAP: binds by
// user principal name, says what it can do, and follows groups itself. It is our
// reading of Microsoft's documents, not the real one.
type domain struct {
	mu      sync.Mutex
	filters []string
	binds   []string
}

func (d *domain) serve(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				for d.answer(c) == nil {
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return "ldap://" + l.Addr().String()
}

func (d *domain) answer(c net.Conn) error {
	q, err := ber.ReadPacket(c)
	if err != nil || len(q.Children) < 2 {
		return errors.New("end")
	}
	send := func(tag ber.Tag, children ...*ber.Packet) {
		p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, q.Children[0].Value, ""))
		body := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
		for _, x := range children {
			body.AppendChild(x)
		}
		p.AppendChild(body)
		_, _ = c.Write(p.Bytes())
	}
	text := func(s string) *ber.Packet {
		return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
	}
	done := func(tag ber.Tag, code int64) {
		send(tag, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""), text(""), text(""))
	}
	entry := func(dn string, attrs map[string]string) {
		list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		for k, v := range attrs {
			a := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
			a.AppendChild(text(k))
			set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
			set.AppendChild(text(v))
			a.AppendChild(set)
			list.AppendChild(a)
		}
		send(ldap.ApplicationSearchResultEntry, text(dn), list)
	}
	op := q.Children[1]
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		name, password := op.Children[1].Data.String(), op.Children[2].Data.String()
		d.mu.Lock()
		d.binds = append(d.binds, name)
		d.mu.Unlock()
		if name == "ada@plant.example" && password == adasWord {
			done(ldap.ApplicationBindResponse, 0)
		} else {
			done(ldap.ApplicationBindResponse, ldap.LDAPResultInvalidCredentials)
		}
	case ldap.ApplicationSearchRequest:
		filter, err := ldap.DecompileFilter(op.Children[6])
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.filters = append(d.filters, filter)
		d.mu.Unlock()
		const adasDN = "CN=Ada Lund (OT),OU=People,DC=plant,DC=example"
		switch {
		case op.Children[0].Data.String() == "":
			entry("", map[string]string{"supportedCapabilities": "1.2.840.113556.1.4.800"})
		case strings.HasPrefix(filter, "(&(objectClass=user)"):
			entry(adasDN, map[string]string{"objectGUID": "\x01\x02\x00\xff4567890123456", "displayName": "Ada Lund", "mail": "Ada@plant.example", "sAMAccountName": "ada"})
		case strings.HasPrefix(filter, "(member:1.2.840.113556.1.4.1941:="):
			entry("CN=OT Engineers,OU=Groups,DC=plant,DC=example", nil)
			entry("CN=All OT,OU=Groups,DC=plant,DC=example", nil)
		}
		done(ldap.ApplicationSearchResultDone, 0)
	default:
		return errors.New("end")
	}
	return nil
}

func TestUPN(t *testing.T) {
	d := &domain{}
	c := directory.Config{URL: d.serve(t), Mode: directory.UPN, Domain: "plant.example", BaseDN: "dc=plant,dc=example", Nested: true}
	if err := c.Check(); err != nil { // on the machine itself, in the clear
		t.Fatal(err)
	}
	for _, login := range []string{"ada", "ada@PLANT.example"} {
		p, err := c.SignIn(t.Context(), login, adasWord)
		if err != nil {
			t.Fatal(err)
		}
		if p.Subject != "010200ff34353637383930313233343536" || p.Email != "ada@plant.example" || !directory.InGroup(p.Groups, "all ot") {
			t.Errorf("%q: %+v", login, p)
		}
	}
	n := len(d.binds)
	for _, login := range []string{"ada@office.example", "@plant.example", "", "ada@plant.example@plant.example"} {
		if _, err := c.SignIn(t.Context(), login, adasWord); !errors.Is(err, directory.ErrWrong) {
			t.Errorf("%q: %v", login, err)
		}
	}
	for _, password := range []string{"", "wrong"} {
		if _, err := c.SignIn(t.Context(), "ada", password); !errors.Is(err, directory.ErrWrong) {
			t.Errorf("password %q: %v", password, err)
		}
	}
	if got := d.binds[n:]; len(got) != 1 { // only the wrong password asked the domain at all
		t.Errorf("binds: %v", got)
	}
	asked := strings.Join(d.filters, " ")
	if !strings.Contains(asked, `(member:1.2.840.113556.1.4.1941:=CN=Ada Lund \28OT\29,OU=People,DC=plant,DC=example)`) {
		t.Errorf("filters: %s", asked)
	}
}
