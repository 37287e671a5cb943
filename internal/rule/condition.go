package rule

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/skanse/skanse/internal/ot"
)

// maxCost bounds one evaluation of a condition, in CEL's units: a comparison is about one.
const maxCost = 2000

// Condition is a compiled expression. It may be used by many at once.
type Condition struct {
	text    string
	program cel.Program
}

// Vars is what a condition sees, by the names that Names lists.
type Vars map[string]any

// common are known of every input.
func common() map[string]*cel.Type {
	v := map[string]*cel.Type{
		"protocol": cel.StringType, "transport": cel.StringType, "port": cel.IntType, "live": cel.BoolType,
		"planned": cel.BoolType, // inside an approved maintenance window or change
		"crosses": cel.BoolType, // the two stand in different zones
	}
	for _, side := range []string{"client.", "server."} {
		for _, name := range []string{"ip", "mac", "name", "role", "level", "zone"} {
			v[side+name] = cel.StringType
		}
		for _, name := range []string{"known", "programming", "internet", "ot"} {
			v[side+name] = cel.BoolType
		}
	}
	return v
}

// variables are what a condition on an input may name, with their types.
func variables(of Input) map[string]*cel.Type {
	v := common()
	add := func(t *cel.Type, names ...string) {
		for _, n := range names {
			v[n] = t
		}
	}
	switch of {
	case Message:
		add(cel.StringType, "kind", "dir", "text", "name", "class", "object")
		add(cel.IntType, "code", "unit", "status", "repeats")
		add(cel.BoolType, "refused")
	case Tuple:
		add(cel.StringType, "kind", "dir", "text", "name", "class")
		add(cel.IntType, "code", "unit", "area", "first", "last", "count", "refused")
		add(cel.BoolType, "new_master") // others wrote to this server before, this client never did
	case Conversation:
		add(cel.StringType, "guess")
		add(cel.BoolType, "established")
		add(cel.IntType, "sessions", "client_packets", "client_bytes", "server_packets", "server_bytes", "malformed", "lost", "seconds")
	case Fact:
		add(cel.StringType, "attr", "value", "before", "by")
		add(cel.BoolType, "changed", "back") // another value than before; one that it had before that
		add(cel.IntType, "others")           // other hosts that stated this attribute before, with another value
	}
	return v
}

// counts are what the having of a window sees.
func counts() []string {
	return []string{"count", "clients", "servers", "ports", "codes", "units", "values", "refused", "bytes"}
}

// conditions compiles the expressions of one set.
type conditions struct{ envs map[Input]*cel.Env }

func (c *conditions) env(of Input) (*cel.Env, error) {
	if e := c.envs[of]; e != nil {
		return e, nil
	}
	var opts []cel.EnvOption
	if of == Window {
		for _, name := range counts() {
			opts = append(opts, cel.Variable(name, cel.IntType))
		}
	} else {
		for name, t := range variables(of) {
			opts = append(opts, cel.Variable(name, t))
		}
	}
	e, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("make the conditions' language: %w", err)
	}
	c.envs[of] = e
	return e, nil
}

// maxText bounds an expression.
const maxText = 2000

// compile checks an expression and makes it ready; an empty one is nil.
func (c *conditions) compile(field string, of Input, text string, want *cel.Type) (*Condition, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxText {
		return nil, ot.Errorf(ot.Invalid, "%s: %d characters; it may have %d", field, len(text), maxText)
	}
	env, err := c.env(of)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues != nil && issues.Err() != nil {
		return nil, ot.Errorf(ot.Invalid, "%s: %w", field, issues.Err())
	}
	if !ast.OutputType().IsExactType(want) {
		return nil, ot.Errorf(ot.Invalid, "%s: gives a %s, want a %s", field, ast.OutputType(), want)
	}
	p, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "%s: %w", field, err)
	}
	return &Condition{text, p}, nil
}

// Holds evaluates it; nil always holds. One that costs too much, or fails, does not
// hold, and says why.
func (c *Condition) Holds(v Vars) (bool, error) {
	if c == nil {
		return true, nil
	}
	out, _, err := c.program.Eval(map[string]any(v))
	if err != nil {
		return false, fmt.Errorf("%q: %w", c.text, err)
	}
	return out == types.True, nil
}

// Text evaluates one that gives a text; nil gives none.
func (c *Condition) Text(v Vars) (string, error) {
	if c == nil {
		return "", nil
	}
	out, _, err := c.program.Eval(map[string]any(v))
	if err != nil {
		return "", fmt.Errorf("%q: %w", c.text, err)
	}
	s, _ := out.Value().(string)
	return s, nil
}
