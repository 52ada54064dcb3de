package household

import "time"

// lives are the clients' by their names in the lab's profile. The line is one
// of 250 Mbit/s down and 40 Mbit/s up.
var lives = map[string]life{
	"tv-livingroom": {
		presence: presence{16.5, 23.3, 1}, idleConns: 14, ipv6: 0.9, quotaGB: 900,
		habits: []habit{
			{from: 17, to: 18.2, down: 9, up: 0.2, duty: 0.8, rough: 0.5},
			{from: 19.2, to: 23, down: 17, up: 0.3, duty: 1, rough: 0.5},
		},
	},
	"tv-bedroom": {
		presence: presence{19.8, 23.9, 1}, idleConns: 9, ipv6: 0,
		habits: []habit{
			{from: 20.3, to: 23.5, down: 6.5, up: 0.1, duty: 0.9, rough: 0.5},
		},
	},
	"gaming-pc": {
		presence: presence{15.5, 23.5, 1}, idleConns: 40, ipv6: 0.3,
		habits: []habit{
			{from: 16, to: 23, down: 0.9, up: 0.4, duty: 0.85, rough: 0.2},
			{from: 16.2, to: 17, down: 70, up: 1.2, duty: 0.9, rough: 0.2, today: true},
		},
	},
	"console": {
		presence: presence{17, 22.5, 1}, idleConns: 22, ipv6: 0, quotaGB: 300,
		habits: []habit{
			{from: 18, to: 20, down: 2, up: 0.6, duty: 0.6, rough: 0.3},
			{from: 20.75, to: 22, down: 205, up: 2.4, duty: 1, rough: 0.06, today: true},
		},
	},
	"nas": {
		presence: always, idleConns: 31, ipv6: 0.95,
		habits: []habit{
			{from: 2, to: 5.4, up: 17, down: 0.6, duty: 1, rough: 0.15},
			{from: 0, to: 24, up: 0.15, down: 0.1, duty: 0.5, rough: 0.5},
		},
	},
	"work-laptop": {
		presence: presence{8.2, 17.8, 1}, idleConns: 85, ipv6: 0.8,
		habits: []habit{
			{from: 9, to: 12, down: 3.4, up: 2.9, duty: 0.7, rough: 0.15},
			{from: 13, to: 17.3, down: 3.4, up: 2.9, duty: 0.6, rough: 0.15},
			{from: 8.3, to: 17.6, down: 1.8, up: 0.3, duty: 0.5, rough: 0.9},
		},
	},
	"laptop-anna": {
		presence: presence{7, 22.5, 0.75}, idleConns: 60, ipv6: 0.8,
		habits: []habit{
			{from: 7.2, to: 9, down: 3, up: 0.3, duty: 0.6, rough: 1},
			{from: 17.5, to: 22.3, down: 6, up: 0.5, duty: 0.6, rough: 1},
		},
	},
	"laptop-ben": {
		presence: presence{9, 23.2, 0.8}, idleConns: 75, ipv6: 0.2, formerly: "192.168.1.199",
		habits: []habit{
			{from: 9.5, to: 23, down: 4, up: 0.4, duty: 0.45, rough: 1},
			{from: 10.1, to: 10.9, down: 0.9, up: 34, duty: 1, rough: 0.1, today: true},
		},
	},
	"desktop-study": {
		presence: presence{8.5, 19, 0.9}, idleConns: 45, ipv6: 0.7,
		habits: []habit{
			{from: 9, to: 18.5, down: 2.5, up: 0.3, duty: 0.5, rough: 1},
			{from: 12.4, to: 12.9, down: 60, up: 1.2, duty: 1, rough: 0.2},
		},
	},
	"phone-anna": {
		presence: presence{17.2, 8.1, 0.97}, idleConns: 25, ipv6: 0.9,
		habits: []habit{
			{from: 6.7, to: 8, down: 4, up: 0.3, duty: 0.5, rough: 0.9},
			{from: 18, to: 23, down: 6, up: 0.3, duty: 0.5, rough: 0.9},
		},
	},
	"phone-ben": {
		presence: presence{0, 24, 0.9}, idleConns: 22, ipv6: 0.9,
		habits: []habit{
			{from: 7.5, to: 23.5, down: 3, up: 0.4, duty: 0.35, rough: 1},
		},
	},
	"phone-clara": {
		presence: presence{15.2, 7.6, 0.96}, idleConns: 30, ipv6: 0.85, quotaGB: 420,
		habits: []habit{
			{from: 6.5, to: 7.5, down: 5, up: 0.5, duty: 0.6, rough: 0.9},
			{from: 15.5, to: 22.4, down: 6, up: 0.8, duty: 0.7, rough: 0.9},
		},
	},
	"tablet-kids": {
		presence: presence{14.8, 19.6, 0.9}, idleConns: 12, ipv6: 0.2, quotaGB: 200,
		habits: []habit{
			{from: 15, to: 19.3, down: 5.5, up: 0.1, duty: 0.8, rough: 0.6},
		},
	},
	"tablet-kitchen": {
		presence: presence{6, 22, 0.95}, idleConns: 8, ipv6: 0.6,
		joined: BillingDay.Add(13*24*time.Hour + 18*time.Hour),
		habits: []habit{
			{from: 6.5, to: 9, down: 0.4, up: 0.02, duty: 1, rough: 0.2},
			{from: 17, to: 19.5, down: 3, up: 0.1, duty: 0.6, rough: 0.7},
		},
	},
	"e-reader": {
		presence: presence{21, 23, 0.8}, idleConns: 2, ipv6: 0,
		joined: BillingDay.Add(3*24*time.Hour + 15*time.Hour),
		habits: []habit{
			{from: 21, to: 21.2, down: 1.5, up: 0.05, duty: 0.5, rough: 0.5},
		},
	},
	"camera-door": {
		presence: always, idleConns: 3, ipv6: 0,
		habits: []habit{
			{from: 0, to: 24, up: 1.9, down: 0.03, duty: 0.3, rough: 0.4},
		},
	},
	"camera-garden": {
		presence: always, idleConns: 3, ipv6: 0,
		habits: []habit{
			{from: 6.5, to: 19, up: 1.6, down: 0.03, duty: 0.3, rough: 0.4},
		},
	},
	"voice-kitchen": {
		presence: always, idleConns: 6, ipv6: 0.5,
		habits: []habit{
			{from: 6.5, to: 22, down: 0.15, up: 0.03, duty: 0.7, rough: 0.5},
		},
	},
	"voice-bedroom": {
		presence: always, idleConns: 5, ipv6: 0.9,
		habits: []habit{
			{from: 21, to: 24, down: 0.26, up: 0.02, duty: 0.9, rough: 0.2},
		},
	},
	"printer": {
		presence: presence{8, 20, 0.9}, idleConns: 1, ipv6: 0,
		habits: []habit{
			{from: 8, to: 20, up: 0.02, down: 0.01, duty: 0.1, rough: 1},
		},
	},
	"thermostat": {
		presence: always, idleConns: 1, ipv6: 0,
		habits: []habit{
			{from: 0, to: 24, up: 0.004, down: 0.002, duty: 0.6, rough: 0.5},
		},
	},
	"plug-washer": {
		presence: always, idleConns: 1, ipv6: 0,
		habits: []habit{
			{from: 0, to: 24, up: 0.003, down: 0.001, duty: 0.8, rough: 0.5},
		},
	},
	"plug-desk": {
		presence: always, idleConns: 1, ipv6: 1,
		habits: []habit{
			{from: 0, to: 24, up: 0.003, down: 0.001, duty: 0.8, rough: 0.5},
		},
	},
	"bulb-hall": {
		presence: always, idleConns: 1, ipv6: 0,
		habits: []habit{
			{from: 0, to: 24, up: 0.004, down: 0.001, duty: 0.9, rough: 0.5},
		},
	},
	"vacuum": {
		presence: always, idleConns: 3, ipv6: 0,
		joined: unpacked,
		habits: []habit{
			{from: 16, to: 17, up: 0.4, down: 2.5, duty: 0.8, rough: 0.6},
			{from: 0, to: 24, up: 0.06, down: 0.01, duty: 0.5, rough: 0.5},
		},
	},
}
