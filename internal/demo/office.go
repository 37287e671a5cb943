package demo

import (
	"context"
	"strings"
	"time"
)

// Employee is a person of the example with an account. Nobody signs in with it: it has no password.
type Employee struct {
	ID, Name, Email, Role string
	Sites                 []string // names; none: sees every site
	Days                  int      // until the account ends; 0: it does not
}

// Office is what people do for one another: who is on call, who is away, who hands a shift to whom.
type Office interface {
	// OnCall plans turns of a week at a site from a local time.
	OnCall(ctx context.Context, siteID, who, from string, weeks int, people ...string) error
	// Away says that somebody is away and who stands in.
	Away(ctx context.Context, user, deputy string, from, to time.Time, note string) error
	// Shift hands a shift over at a site.
	Shift(ctx context.Context, siteID, giver, taker, notes string) error
	// Ask asks a colleague about the site's newest undecided device.
	Ask(ctx context.Context, siteID, who, colleague, question string) error
	// Explain explains a site's oldest program download since a time as done in an emergency.
	Explain(ctx context.Context, siteID, who string, since time.Time, did, why string) error
}

// The roles of the accounts, as package auth names them.
const (
	roleDSO      = "dso"
	roleLead     = "site-ot-lead"
	roleEngineer = "ot-engineer"
	roleShift    = "shift-leader"
	roleManager  = "management"
	roleVendor   = "vendor"
)

// Employees are the people of the example. An id is made of the first name.
func (c *Company) Employees() []Employee {
	person := func(name, role string, sites ...string) Employee {
		first, _, _ := strings.Cut(name, " ")
		mail := strings.NewReplacer(" ", ".", "ø", "oe", "ń", "n").Replace(strings.ToLower(name))
		return Employee{ID: "demo:" + strings.ToLower(first), Name: name, Email: mail + "@havnemejeriet.example", Role: role, Sites: sites}
	}
	fitter := person("Henk Visser", roleVendor, "Esbjerg")
	fitter.Days = 9
	return []Employee{
		fitter,
		person("Anna Holm", roleDSO),
		person("Jens Friis", roleLead, "Aarhus"),
		person("Mette Krogh", roleLead, "Esbjerg"),
		person("Piotr Zieliński", roleLead, "Gdańsk"),
		person("Eva Lindqvist", roleLead, "Malmö"),
		person("Karl Vinther", roleEngineer, "Aarhus"),
		person("Søren Dahl", roleEngineer, "Esbjerg"),
		person("Lone Bach", roleShift, "Esbjerg"),
		person("Per Toft", roleShift, "Esbjerg"),
		person("Ida Thygesen", roleManager),
	}
}

// thisWeek is what the people did in the last days before the demo's present: Esbjerg has a
// rota that ends too soon, Jens is on leave, a night shift was handed over.
func (c *Company) thisWeek(ctx context.Context, present time.Time, d Desk) error {
	site := map[string]*Site{}
	for _, s := range c.Sites {
		site[s.Name] = s
	}
	monday := present.AddDate(0, 0, -(int(present.Weekday())+6)%7).Format(time.DateOnly) + "T07:00"
	if err := d.OnCall(ctx, site["Esbjerg"].ID, leadEsb, monday, 2, "demo:søren", "demo:mette"); err != nil {
		return err
	}
	if err := d.OnCall(ctx, site["Aarhus"].ID, leadAarhus, monday, 4, "demo:karl"); err != nil {
		return err
	}
	if err := d.Away(ctx, "demo:jens", "demo:karl", present.AddDate(0, 0, -1), present.AddDate(0, 0, 6), "Leave"); err != nil {
		return err
	}
	if err := d.Shift(ctx, site["Esbjerg"].ID, "demo:lone", "demo:per", "Line 2 ran 40 minutes short of caps; back to normal since half past three.\nThe service firm asked for HMI 2 in the night."); err != nil {
		return err
	}
	if err := d.Explain(ctx, site["Esbjerg"].ID, leadEsb, present.AddDate(0, 0, -3), "Søren Dahl", "Line 1 stood still on Saturday: a level switch was exchanged for another type, its block had to follow."); err != nil {
		return err
	}
	return d.Ask(ctx, site["Esbjerg"].ID, leadEsb, "demo:søren", "Is this yours? It asks FIL2-PLC1 for its data and is on no list.")
}
