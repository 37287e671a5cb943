// Package directory asks an LDAP directory, Active Directory among them, whether a
// password is a person's, and in which groups the person is. It keeps nothing and
// knows no role; it never writes to the directory.
package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/skanse/skanse/internal/ot"
)

// How a person's name becomes one to bind with.
const (
	Search = "search" // bind with an account of ours, search the person, bind as that entry
	UPN    = "upn"    // Active Directory: bind as name@domain at once; no account of ours
)

// Config says where the directory is and how people are found in it.
type Config struct {
	URL      string // ldaps://host[:636], or ldap://host[:389] with StartTLS
	StartTLS bool
	CA       string // PEM; empty: what the machine trusts

	Mode     string
	BindDN   string // Search only; empty: anonymous search
	Password string
	Domain   string // UPN only: plant.example
	BaseDN   string // below which people are
	Filter   string // (uid={login}): {login} is what was typed, escaped
	GroupDN  string // below which groups are; empty: BaseDN
	Nested   bool   // groups of groups too

	Timeout time.Duration // of the whole question; 0: 5 s
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// Person is who the directory says it is.
type Person struct {
	Subject string // does not change when the person's name does: entryUUID or objectGUID
	DN      string
	Login   string // as typed
	Name    string
	Email   string
	Groups  []string // distinguished names
}

// ErrWrong says that there is no such person or the password is another one; it must
// not say which.
var ErrWrong = errors.New("the name or the password is wrong")

const (
	defaultTimeout = 5 * time.Second
	maxGroups      = 1000
	maxDepth       = 8 // of groups in groups
	// DefaultFilter finds people by account name, UPN or mail in most directories.
	DefaultFilter = "(|(uid={login})(sAMAccountName={login})(userPrincipalName={login})(mail={login}))"
)

// Check refuses what could not work or would send a password in the clear.
func (c Config) Check() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.User != nil || u.Path != "" && u.Path != "/" {
		return ot.Errorf(ot.Invalid, "the address of a directory is ldaps://host or ldap://host")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "ldap" && !c.StartTLS && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ot.Errorf(ot.Invalid, "passwords would cross the network in the clear: use ldaps:// or StartTLS")
	}
	if c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)) {
		return ot.Errorf(ot.Invalid, "the certificate authority is no certificate in PEM form")
	}
	if _, err := ldap.ParseDN(c.BaseDN); err != nil || c.BaseDN == "" {
		return ot.Errorf(ot.Invalid, "the base %q is no distinguished name: write it as ou=people,dc=plant,dc=example", ot.Printable(c.BaseDN))
	}
	if _, err := ldap.ParseDN(c.GroupDN); err != nil {
		return ot.Errorf(ot.Invalid, "the base of groups %q is no distinguished name", ot.Printable(c.GroupDN))
	}
	switch c.Mode {
	case Search:
		if !strings.Contains(c.filter(), "{login}") {
			return ot.Errorf(ot.Invalid, "the filter must contain {login}, as in (uid={login})")
		}
		if _, err := ldap.CompileFilter(strings.ReplaceAll(c.filter(), "{login}", "x")); err != nil {
			return ot.Errorf(ot.Invalid, "the filter is not one: %s", ot.Printable(err.Error()))
		}
		if c.BindDN != "" && c.Password == "" {
			return ot.Errorf(ot.Invalid, "the account to search with needs its password")
		}
	case UPN:
		if c.Domain == "" || strings.ContainsAny(c.Domain, "@ \\/") {
			return ot.Errorf(ot.Invalid, "the domain is written as plant.example")
		}
	default:
		return ot.Errorf(ot.Invalid, "people are found by search or by upn")
	}
	return nil
}

func (c Config) filter() string {
	if c.Filter == "" {
		return DefaultFilter
	}
	return c.Filter
}

// SignIn says who the person is, ErrWrong, or why the directory could not be asked.
func (c Config) SignIn(ctx context.Context, login, password string) (Person, error) {
	login = strings.TrimSpace(login)
	// A bind without a password succeeds as nobody (RFC 4513 5.1.2): it proves nothing.
	if login == "" || password == "" || len(login) > 254 || len(password) > 1024 {
		return Person{}, ErrWrong
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return Person{}, err
	}
	defer func() { _ = conn.Close() }() // nothing was written
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if c.Mode == UPN {
		return c.byUPN(conn, login, password)
	}
	return c.bySearch(conn, login, password)
}

// Try connects and, where people are searched for, binds: what the settings page's
// button asks.
func (c Config) Try(ctx context.Context) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing was written
	if c.Mode != Search {
		return nil
	}
	if err := c.bindOwn(conn); err != nil {
		return err
	}
	_, err = conn.Search(ldap.NewSearchRequest(c.BaseDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 5, false, "(objectClass=*)", []string{"1.1"}, nil))
	return down("search "+c.BaseDN, err)
}

func (c Config) connect(ctx context.Context) (*ldap.Conn, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("address of the directory: %w", err)
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("connect to the directory: %w", err)
	}
	// For everything that follows: a directory that accepts and says nothing is down.
	if err := raw.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	tc := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		tc.RootCAs = x509.NewCertPool()
		tc.RootCAs.AppendCertsFromPEM([]byte(c.CA))
	}
	if u.Scheme == "ldaps" {
		secure := tls.Client(raw, tc)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("TLS with the directory: %w", err), raw.Close())
		}
		conn := ldap.NewConn(secure, true)
		conn.SetTimeout(timeout)
		conn.Start()
		return conn, nil
	}
	conn := ldap.NewConn(raw, false)
	conn.SetTimeout(timeout)
	conn.Start()
	if c.StartTLS {
		if err := conn.StartTLS(tc); err != nil {
			return nil, errors.Join(fmt.Errorf("StartTLS with the directory: %w", err), conn.Close())
		}
	}
	return conn, nil
}

func (c Config) bindOwn(conn *ldap.Conn) error {
	if c.BindDN == "" {
		return down("anonymous bind", conn.UnauthenticatedBind(""))
	}
	return down("bind as "+c.BindDN, conn.Bind(c.BindDN, c.Password))
}

// down keeps what the log needs.
func down(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("directory: %s: %w", what, err)
}

// bindPerson proves the password.
func bindPerson(conn *ldap.Conn, name, password string) error {
	err := conn.Bind(name, password)
	// AD says invalidCredentials for locked, expired and disabled accounts too.
	for _, code := range []uint16{ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultConstraintViolation} {
		if ldap.IsErrorWithCode(err, code) {
			return ErrWrong
		}
	}
	return down("bind as the person", err)
}
