package translate

import (
	"reflect"
	"sync"
)

// Tag marks a field of an answer that holds a sentence: `say:"true"` on a string or a
// list of strings. A sentence about what a device or a person wrote is one too: what
// they wrote stands in a blank that is kept.
const Tag = "say"

// Answers says the sentences of whole answers: it knows by their type where they stand.
type Answers struct {
	Book  *Book
	plans sync.Map // reflect.Type → *plan, nil: nothing to say in there
}

// Say gives the answer in a language. The answer itself is not changed: it may be kept.
func (a *Answers) Say(lang string, answer any) any {
	if a == nil || a.Book == nil || lang == English || answer == nil {
		return answer
	}
	v := reflect.ValueOf(answer)
	p := a.plan(v.Type())
	if p == nil {
		return answer
	}
	return p.say(a, lang, v).Interface()
}

// plan says where sentences stand in a type.
type plan struct {
	self   bool // the value itself is a sentence
	elem   *plan
	fields []planned
}

type planned struct {
	at int
	p  *plan
}

func (a *Answers) plan(t reflect.Type) *plan {
	if got, ok := a.plans.Load(t); ok {
		return got.(*plan)
	}
	p := planOf(t, map[reflect.Type]bool{})
	a.plans.Store(t, p)
	return p
}

// planOf walks a type; one that holds itself is walked once and its inner ones are left.
func planOf(t reflect.Type, above map[reflect.Type]bool) *plan {
	if above[t] {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		if e := planOf(t.Elem(), above); e != nil && t.Kind() != reflect.Array {
			return &plan{elem: e}
		}
	case reflect.Map:
		if e := planOf(t.Elem(), above); e != nil {
			return &plan{elem: e}
		}
	case reflect.Struct:
		above[t] = true
		defer delete(above, t)
		p := &plan{}
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() {
				continue
			}
			if f.Tag.Get(Tag) != "" {
				p.fields = append(p.fields, planned{i, sentences(f.Type)})
			} else if inner := planOf(f.Type, above); inner != nil {
				p.fields = append(p.fields, planned{i, inner})
			}
		}
		if len(p.fields) > 0 {
			return p
		}
	}
	return nil
}

func sentences(t reflect.Type) *plan {
	if t.Kind() == reflect.Slice {
		return &plan{elem: sentences(t.Elem())}
	}
	return &plan{self: true}
}

func (p *plan) say(a *Answers, lang string, v reflect.Value) reflect.Value {
	if p.self {
		return reflect.ValueOf(a.Book.Say(lang, v.String())).Convert(v.Type())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(p.elem.say(a, lang, v.Elem()))
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(p.elem.say(a, lang, v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), p.elem.say(a, lang, it.Value()))
		}
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for _, f := range p.fields {
			out.Field(f.at).Set(f.p.say(a, lang, v.Field(f.at)))
		}
		return out
	}
	return v
}
