package rule

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// maxCost bounds one evaluation of a condition, in CEL's units: a comparison is about one.
const maxCost = 2000

// Condition is a compiled expression. It may be used by many at once. What nearly
// all rules say is read and answered here (plain.go), a hundred times faster than CEL
// does; CEL stands behind it for all else, and has the say where an answer fails.
type Condition struct {
	text  string
	plain *node // nil: only CEL reads it
	uses  uses  // what plain asks for
	lang  *language
	full  func() (cel.Program, error)
}

// language is what the conditions on one input are written in.
type language struct {
	*names
	env func() (*cel.Env, error)
}

func newLanguage(of Input) *language {
	l := &language{names: namesOf(of)}
	l.env = sync.OnceValues(func() (*cel.Env, error) {
		var opts []cel.EnvOption
		for name, t := range l.types {
			opts = append(opts, cel.Variable(name, t))
		}
		e, err := cel.NewEnv(opts...)
		if err != nil {
			return nil, fmt.Errorf("make the conditions' language: %w", err)
		}
		return e, nil
	})
	return l
}

// conditions compiles the expressions of one set.
type conditions struct{ langs map[Input]*language }

func (c *conditions) lang(of Input) *language {
	if c.langs[of] == nil {
		c.langs[of] = newLanguage(of)
	}
	return c.langs[of]
}

// maxText bounds an expression.
const maxText = 2000

// compile checks an expression and makes it ready; an empty one is nil.
func (c *conditions) compile(field string, of Input, text string, want *cel.Type) (*Condition, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxText {
		return nil, wrong(field, "%d characters; it may have %d", len(text), maxText)
	}
	lang := c.lang(of)
	out := &Condition{text: text, lang: lang}
	out.full = sync.OnceValues(func() (cel.Program, error) { return lang.program(field, text, want) })
	if out.plain = plain(text, lang.names, want); out.plain != nil {
		out.plain.asks(&out.uses)
		return out, nil
	}
	_, err := out.full()
	return out, err
}

func (l *language) program(field, text string, want *cel.Type) (cel.Program, error) {
	env, err := l.env()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues != nil && issues.Err() != nil {
		return nil, inCEL(field, l.names, issues)
	}
	if !ast.OutputType().IsExactType(want) {
		return nil, wrong(field, "gives a %s, want a %s", ast.OutputType(), want)
	}
	p, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, wrong(field, "%v", err)
	}
	return p, nil
}

// Holds evaluates it; nil always holds. One that costs too much, or fails, does not
// hold, and says why.
func (c *Condition) Holds(v View) (bool, error) {
	if c == nil {
		return true, nil
	}
	if c.plain != nil {
		if yes, ok := c.plain.holds(v); ok {
			return yes, nil
		}
	}
	out, err := c.eval(v)
	if err != nil {
		return false, err
	}
	return out == types.True, nil
}

// Text evaluates one that gives a text; nil gives none.
func (c *Condition) Text(v View) (string, error) {
	if c == nil {
		return "", nil
	}
	if c.plain != nil {
		return c.plain.says(v), nil
	}
	out, err := c.eval(v)
	if err != nil {
		return "", err
	}
	s, _ := out.(types.String)
	return string(s), nil
}

func (c *Condition) eval(v View) (any, error) {
	p, err := c.full()
	if err != nil {
		return nil, err
	}
	out, _, err := p.Eval(activation{c.lang.names, v})
	if err != nil {
		return nil, fmt.Errorf("%q: %w", c.text, err)
	}
	return out, nil
}

// Uses says whether it may ask for a name; nil asks for none.
func (c *Condition) Uses(v Var) bool {
	return c != nil && (c.plain == nil || c.uses.has(v))
}

// activation answers CEL's questions from a View.
type activation struct {
	*names
	view View
}

var _ interpreter.Activation = activation{}

// ResolveName gives the value of a name.
func (a activation) ResolveName(name string) (any, bool) {
	v, ok := a.numbers[name]
	if !ok {
		return nil, false
	}
	switch a.types[name] {
	case cel.StringType:
		return a.view.Text(v), true
	case cel.IntType:
		return a.view.Int(v), true
	}
	return a.view.Bool(v), true
}

// Parent is what stands behind it: nothing.
func (a activation) Parent() interpreter.Activation { return nil }
