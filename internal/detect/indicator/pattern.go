package indicator

import "strings"

// comparison is "path op 'value'" of a STIX pattern.
type comparison struct{ path, op, value string }

// pattern reads the part of STIX patterning (OASIS STIX 2.1, clause 9) that one look at a
// packet can answer, and which nearly all published indicators are:
//
//	pattern     = observation *( OR observation )
//	observation = "[" comparison *( OR comparison ) "]"
//	comparison  = path ( "=" literal / IN "(" literal *( "," literal ) ")" / ISSUBSET literal )
//
// What needs several things at once (AND, FOLLOWEDBY), a time (WITHIN, START, REPEATS), or
// says what is not there (NOT, !=), is left: half of it would mean something else.
func pattern(s string) (out []comparison, left string) {
	t := &tokens{s: s}
	for {
		if t.next() != "[" {
			return nil, "a pattern that cannot be read"
		}
		for {
			c, why := t.comparison()
			if why != "" {
				return nil, why
			}
			if out = append(out, c...); len(out) > 10_000 {
				return nil, "a pattern that is too long"
			}
			word := t.next()
			if word == "]" {
				break
			}
			if why := joined(word); why != "" {
				return nil, why
			}
		}
		word := t.next()
		if word == "" && !t.bad {
			return out, ""
		}
		if why := joined(word); why != "" {
			return nil, why
		}
	}
}

// joined says what is wrong with a word between comparisons or observations: only OR is right.
func joined(word string) string {
	switch word {
	case "OR":
		return ""
	case "AND", "FOLLOWEDBY":
		return "a pattern of several things at once (" + word + ")"
	case "WITHIN", "START", "STOP", "REPEATS":
		return "a pattern with a time (" + word + ")"
	}
	return "a pattern that cannot be read"
}

func (t *tokens) comparison() ([]comparison, string) {
	path := t.next()
	if path == "(" || path == "NOT" || path == "EXISTS" {
		return nil, "a pattern with brackets, NOT or EXISTS"
	}
	if !strings.Contains(path, ":") {
		return nil, "a pattern that cannot be read"
	}
	for { // file:hashes.'SHA-256'
		if !strings.HasSuffix(path, ".") {
			break
		}
		key, ok := t.text(t.next())
		if !ok {
			return nil, "a pattern that cannot be read"
		}
		path += key
	}
	op := t.next()
	switch op {
	case "=", "ISSUBSET":
		v, ok := t.text(t.next())
		if !ok {
			return nil, "a pattern that compares with no text"
		}
		return []comparison{{path, op, v}}, ""
	case "IN":
		if t.next() != "(" {
			return nil, "a pattern that cannot be read"
		}
		var out []comparison
		for {
			v, ok := t.text(t.next())
			if !ok || len(out) > 10_000 {
				return nil, "a pattern that compares with no text"
			}
			out = append(out, comparison{path, "=", v})
			switch t.next() {
			case ")":
				return out, ""
			case ",":
			default:
				return nil, "a pattern that cannot be read"
			}
		}
	case "!=", "NOT", "<", ">", "<=", ">=", "LIKE", "MATCHES", "ISSUPERSET":
		return nil, "a comparison by " + op
	}
	return nil, "a pattern that cannot be read"
}

// tokens walks a pattern.
type tokens struct {
	s   string
	at  int
	bad bool
}

// next is the next word; a text keeps its opening quote. "" is the end, or what is none.
func (t *tokens) next() string {
	for t.at < len(t.s) && strings.IndexByte(" \t\r\n", t.s[t.at]) >= 0 {
		t.at++
	}
	if t.at >= len(t.s) {
		return ""
	}
	from := t.at
	switch c := t.s[t.at]; {
	case strings.IndexByte("[](),=", c) >= 0:
		t.at++
		return t.s[from:t.at]
	case c == '<' || c == '>' || c == '!':
		t.at++
		if t.at < len(t.s) && t.s[t.at] == '=' {
			t.at++
		}
		return t.s[from:t.at]
	case c == '\'':
		var b strings.Builder
		b.WriteByte('\'')
		for t.at++; t.at < len(t.s); t.at++ {
			switch c := t.s[t.at]; c {
			case '\'':
				t.at++
				return b.String()
			case '\\':
				if t.at++; t.at < len(t.s) {
					b.WriteByte(t.s[t.at])
				}
			default:
				b.WriteByte(c)
			}
		}
		t.bad = true
		return ""
	}
	for t.at < len(t.s) && strings.IndexByte(" \t\r\n[](),=<>!'", t.s[t.at]) < 0 {
		t.at++
	}
	return t.s[from:t.at]
}

// text is the value of a token that is a text.
func (t *tokens) text(word string) (string, bool) {
	return strings.CutPrefix(word, "'")
}
