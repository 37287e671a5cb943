package sigma

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Bounds of a condition.
const (
	maxWords = 300
	maxDepth = 30
)

// condition reads words such as "selection and not 1 of filter_*".
type condition struct {
	words []string
	parts map[string]test
	names []string // of parts, sorted
	depth int
}

// parseCondition makes a test of a condition over the named selections.
func parseCondition(text string, parts map[string]test, names []string) (test, error) {
	if strings.Contains(text, "|") {
		return nil, fmt.Errorf("what stands behind | counts or relates events, which is not taken: leave it out, and give the rule a threshold in its settings for a site")
	}
	c := &condition{words: strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text)), parts: parts, names: names}
	if len(c.words) > maxWords {
		return nil, fmt.Errorf("it has %d words; it may have %d", len(c.words), maxWords)
	}
	t, err := c.or()
	if err == nil && len(c.words) > 0 {
		err = fmt.Errorf("%q was not expected there; a condition is names of selections with and, or, not, brackets, 1 of and all of", c.words[0])
	}
	return t, err
}

func (c *condition) next(word string) bool {
	if len(c.words) > 0 && strings.EqualFold(c.words[0], word) {
		c.words = c.words[1:]
		return true
	}
	return false
}

func (c *condition) or() (test, error) {
	if c.depth++; c.depth > maxDepth {
		return nil, fmt.Errorf("brackets stand more than %d deep", maxDepth)
	}
	defer func() { c.depth-- }()
	t, err := c.and()
	list := []test{t}
	for err == nil && c.next("or") {
		t, err = c.and()
		list = append(list, t)
	}
	return anyOf(list), err
}

func (c *condition) and() (test, error) {
	t, err := c.one()
	list := []test{t}
	for err == nil && c.next("and") {
		t, err = c.one()
		list = append(list, t)
	}
	return allOf(list), err
}

func (c *condition) one() (test, error) {
	not := false
	for c.next("not") {
		not = !not
	}
	t, err := c.plain()
	if err != nil || !not {
		return t, err
	}
	return func(l *line) bool { return !t(l) }, nil
}

func (c *condition) plain() (test, error) {
	if len(c.words) == 0 {
		return nil, fmt.Errorf("it ends where the name of a selection should stand")
	}
	if c.next("(") {
		t, err := c.or()
		if err == nil && !c.next(")") {
			err = fmt.Errorf("a bracket is not closed")
		}
		return t, err
	}
	word := c.words[0]
	c.words = c.words[1:]
	if len(c.words) > 0 && strings.EqualFold(c.words[0], "of") {
		return c.of(word)
	}
	if t, ok := c.parts[word]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("no selection is called %q; there are %s", word, strings.Join(c.names, ", "))
}

// of reads what stands behind "1 of" and "all of".
func (c *condition) of(how string) (test, error) {
	c.words = c.words[1:]
	if len(c.words) == 0 {
		return nil, fmt.Errorf("behind of should stand them, or the beginning of names such as selection_*")
	}
	word := c.words[0]
	c.words = c.words[1:]
	var list []test
	for _, name := range c.names {
		if strings.EqualFold(word, "them") && !strings.HasPrefix(name, "_") || like(word, name) {
			list = append(list, c.parts[name])
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no selection is called %q; there are %s", word, strings.Join(c.names, ", "))
	}
	switch strings.ToLower(how) {
	case "1", "any":
		return anyOf(list), nil
	case "all":
		return allOf(list), nil
	}
	return nil, fmt.Errorf("%q of is not taken: write 1 of or all of", how)
}

// like compares a name with one that may have stars.
func like(pattern, name string) bool {
	if strings.ContainsAny(pattern, `[\?`) {
		return false
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

func anyOf(list []test) test {
	if len(list) == 1 {
		return list[0]
	}
	return func(l *line) bool { return slices.ContainsFunc(list, func(t test) bool { return t(l) }) }
}

func allOf(list []test) test {
	if len(list) == 1 {
		return list[0]
	}
	return func(l *line) bool { return !slices.ContainsFunc(list, func(t test) bool { return !t(l) }) }
}
