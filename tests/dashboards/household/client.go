package household

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"router-monitoring/tests/lab"
)

// client is one of the household with its part of the recording.
type client struct {
	lab.Client
	life
	number int // seeds its noise
	ticks  []time.Time
	online []bool
	down   []float64 // bytes since it joined, at each tick; whole numbers
	up     []float64
	conns  []float64
}

// newClient lets a client live through the recording. The copies that make a
// crowd of the profile's clients have names and addresses of their own.
func newClient(number int, profile []lab.Client) *client {
	c := &client{Client: profile[number%len(profile)], number: number}
	c.life = lives[c.Name]
	if copies := number / len(profile); copies > 0 {
		c.Name = fmt.Sprintf("%s-%d", c.Name, copies+1)
		c.IPv4 = netip.AddrFrom4([4]byte{10, 0, byte(number >> 8), byte(number)})
		c.MAC[4], c.MAC[5] = byte(number>>8)+1, byte(number)
	}
	c.ticks = ticks(c.joined, Scrape)
	c.play()
	return c
}

func (c *client) play() {
	var down, up float64
	for i, t := range c.ticks {
		if i > 0 {
			d, u := c.used(c.ticks[i-1], t)
			down, up = down+d, up+u
		}
		c.online = append(c.online, c.presence.at(c.number, t))
		c.down, c.up = append(c.down, math.Round(down)), append(c.up, math.Round(up))
		c.conns = append(c.conns, c.connections(t))
	}
}

// rates are bits per second; who is not there uses nothing.
func (c *client) rates(t time.Time) (down, up float64) {
	if !c.presence.at(c.number, t) {
		return 0, 0
	}
	for _, h := range c.habits {
		d, u := h.rates(c.number, t)
		down, up = down+d, up+u
	}
	much := mood(c.number, t)
	return much * down, much * up
}

// used are the bytes between two ticks. An hour is summed up in parts, and
// without power there are none.
func (c *client) used(from, to time.Time) (down, up float64) {
	if from.Before(powerCut) && !to.Before(reboot) {
		return 0, 0
	}
	part := min(to.Sub(from), 5*time.Minute)
	for t := from; t.Before(to); t = t.Add(part) {
		d, u := c.rates(t)
		down, up = down+d/8*part.Seconds(), up+u/8*part.Seconds()
	}
	return down, up
}

// connections grow with what is going on, far less than the bytes do.
func (c *client) connections(t time.Time) float64 {
	if !c.presence.at(c.number, t) {
		return 0
	}
	down, up := c.rates(t)
	busy := math.Sqrt((down + up) / 1e6)
	return math.Round(c.idleConns * (0.6 + 0.5*noise(c.number+3000, t.Unix()/300) + 0.25*busy))
}
