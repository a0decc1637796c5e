// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package options_test

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// Door is what a directive configures.
type Door struct {
	Keeper string
	Wait   caddy.Duration
	Rooms  []Room
}

// Room is configured by a block inside the directive's block.
type Room struct {
	Name   string
	Guests []string
}

// UnmarshalCaddyfile reads:
//
//	door [<keeper>] {
//		wait <duration>
//		room <name> {
//			guests <name>...
//		}
//	}
func (o *Door) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	args, err := options.Args(d, "[<keeper>]")
	if err != nil {
		return err
	}
	if len(args) == 1 {
		o.Keeper = args[0]
	}
	return options.Parse(d, "door", options.Set{
		"wait": options.Duration(&o.Wait),
		"room": options.Block("<name>", o.room).Repeat(),
	})
}

func (o *Door) room(args []string) (options.Set, error) {
	o.Rooms = append(o.Rooms, Room{Name: args[0]})
	r := &o.Rooms[len(o.Rooms)-1]
	return options.Set{
		"guests": options.Strings(&r.Guests),
	}, nil
}

func ExampleParse() {
	var o Door
	err := o.UnmarshalCaddyfile(caddyfile.NewTestDispenser(`door anna {
		wait 5s
		room blue {
			guests ben carla
		}
	}`))
	fmt.Printf("%+v %v\n", o, err)

	err = new(Door).UnmarshalCaddyfile(caddyfile.NewTestDispenser(`door {
		wait 5 s
	}`))
	fmt.Println(err)

	// Output:
	// {Keeper:anna Wait:5000000000 Rooms:[{Name:blue Guests:[ben carla]}]} <nil>
	// door: wait takes exactly 1 argument, not 2; write: wait <duration>, at Testfile:2
}
