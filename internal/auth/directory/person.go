package directory

import (
	"encoding/hex"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

const (
	searchSeconds = 5
	inChain       = "1.2.840.113556.1.4.1941" // LDAP_MATCHING_RULE_IN_CHAIN
	isAD          = "1.2.840.113556.1.4.800"  // LDAP_CAP_ACTIVE_DIRECTORY_OID
)

func personAttributes() []string {
	return []string{"entryUUID", "objectGUID", "uid", "sAMAccountName", "displayName", "cn", "mail", "userPrincipalName"}
}

// bySearch finds exactly one entry, and binds as it.
func (c Config) bySearch(conn *ldap.Conn, login, password string) (Person, error) {
	if err := c.bindOwn(conn); err != nil {
		return Person{}, err
	}
	p, err := c.find(conn, strings.ReplaceAll(c.filter(), "{login}", ldap.EscapeFilter(login)))
	if err != nil {
		return p, err
	}
	p.Login = login
	if err := bindPerson(conn, p.DN, password); err != nil {
		return Person{}, err
	}
	// Groups by our own account again: people may often not read them.
	if err := c.bindOwn(conn); err != nil {
		return Person{}, err
	}
	p.Groups, err = c.groups(conn, p)
	return p, err
}

// byUPN binds as the person at once, and reads the entry with the person's own rights.
func (c Config) byUPN(conn *ldap.Conn, login, password string) (Person, error) {
	name, domain, has := strings.Cut(login, "@")
	if has && !strings.EqualFold(domain, c.Domain) || name == "" {
		return Person{}, ErrWrong
	}
	upn := name + "@" + c.Domain
	if err := bindPerson(conn, upn, password); err != nil {
		return Person{}, err
	}
	e := ldap.EscapeFilter
	p, err := c.find(conn, "(&(objectClass=user)(|(userPrincipalName="+e(upn)+")(sAMAccountName="+e(name)+")))")
	if err != nil {
		return p, err
	}
	p.Login = login
	p.Groups, err = c.groups(conn, p)
	return p, err
}

func (c Config) find(conn *ldap.Conn, filter string) (Person, error) {
	// Two are as wrong as none: a filter that fits several people proves none of them.
	res, err := conn.Search(ldap.NewSearchRequest(c.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, searchSeconds, false, filter, personAttributes(), nil))
	if ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) || ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) || err == nil && len(res.Entries) != 1 {
		return Person{}, ErrWrong
	}
	if err != nil {
		return Person{}, down("search the person", err)
	}
	return personOf(res.Entries[0]), nil
}

func personOf(e *ldap.Entry) Person {
	first := func(names ...string) string {
		for _, n := range names {
			if v := e.GetEqualFoldAttributeValue(n); v != "" {
				return v
			}
		}
		return ""
	}
	p := Person{DN: e.DN, Subject: first("entryUUID"), Name: first("displayName", "cn", "uid"), Email: strings.ToLower(first("mail"))}
	if guid := e.GetEqualFoldRawAttributeValue("objectGUID"); len(guid) > 0 {
		p.Subject = hex.EncodeToString(guid)
	}
	if p.Subject == "" {
		p.Subject = strings.ToLower(e.DN)
	}
	return p
}

// groups are those that name the person, and with Nested those that name these.
func (c Config) groups(conn *ldap.Conn, p Person) ([]string, error) {
	if c.Nested && activeDirectory(conn) {
		return c.groupsOf(conn, "(member:"+inChain+":="+ldap.EscapeFilter(p.DN)+")")
	}
	seen := map[string]bool{}
	var out []string
	for next, depth := []string{p.DN}, 0; len(next) > 0 && depth < maxDepth && len(out) < maxGroups; depth++ {
		var found []string
		for _, dn := range next {
			e := ldap.EscapeFilter(dn)
			names := "(|(member=" + e + ")(uniqueMember=" + e + "))"
			if depth == 0 {
				names = "(|(member=" + e + ")(uniqueMember=" + e + ")(memberUid=" + ldap.EscapeFilter(p.Login) + "))"
			}
			groups, err := c.groupsOf(conn, names)
			if err != nil {
				return nil, err
			}
			for _, g := range groups {
				if key := strings.ToLower(g); !seen[key] { // a circle of groups ends here
					seen[key] = true
					found = append(found, g)
				}
			}
		}
		out = append(out, found...)
		next = found
		if !c.Nested {
			break
		}
	}
	return out, nil
}

func (c Config) groupsOf(conn *ldap.Conn, filter string) ([]string, error) {
	base := c.GroupDN
	if base == "" {
		base = c.BaseDN
	}
	res, err := conn.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, maxGroups, searchSeconds, false, filter, []string{"1.1"}, nil))
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil, nil
	}
	if err != nil {
		return nil, down("search the groups", err)
	}
	out := make([]string, 0, len(res.Entries))
	for _, e := range res.Entries {
		out = append(out, e.DN)
	}
	return out, nil
}

// activeDirectory asks the root entry; one that does not answer is none.
func activeDirectory(conn *ldap.Conn) bool {
	res, err := conn.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, searchSeconds, false, "(objectClass=*)", []string{"supportedCapabilities"}, nil))
	if err != nil || len(res.Entries) == 0 {
		return false
	}
	for _, v := range res.Entries[0].GetAttributeValues("supportedCapabilities") {
		if v == isAD {
			return true
		}
	}
	return false
}

// InGroup says whether a rule's group is one of these: a distinguished name is compared
// whole, a plain name with each group's first part.
func InGroup(groups []string, want string) bool {
	if want == "" {
		return false
	}
	wanted, err := ldap.ParseDN(want)
	whole := err == nil && strings.Contains(want, "=")
	for _, g := range groups {
		dn, err := ldap.ParseDN(g)
		if err != nil {
			continue
		}
		if whole && dn.EqualFold(wanted) {
			return true
		}
		if !whole && len(dn.RDNs) > 0 && len(dn.RDNs[0].Attributes) > 0 && strings.EqualFold(dn.RDNs[0].Attributes[0].Value, want) {
			return true
		}
	}
	return false
}
