package alerts

import (
	"os/exec"
	"regexp"
	"testing"

	"go.yaml.in/yaml/v3"
)

// unitTest is the part of a promtool test that is looked at here.
type unitTest struct {
	Tests []struct {
		Input []struct{ Series string } `yaml:"input_series"`
		Alert []struct {
			Name string `yaml:"alertname"`
			Want []struct {
				Annotations map[string]string `yaml:"exp_annotations"`
			} `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

func (u *unitTest) series() (all []string) {
	for _, test := range u.Tests {
		for _, in := range test.Input {
			all = append(all, in.Series)
		}
	}
	return all
}

func unitTests(t *testing.T) map[string]*unitTest {
	t.Helper()
	all := map[string]*unitTest{}
	for _, file := range glob(t, "*.test.yml") {
		all[file] = new(unitTest)
		if err := yaml.Unmarshal([]byte(read(t, file)), all[file]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return all
}

// TestEveryAlertIsTested asks for the life of each alert within one test: silent,
// firing with its text, silent again.
func TestEveryAlertIsTested(t *testing.T) {
	lives := map[string]bool{}
	life := regexp.MustCompile("-!+-")
	for _, file := range unitTests(t) {
		for _, test := range file.Tests {
			phases := map[string]string{}
			for _, a := range test.Alert {
				phase := "-"
				if len(a.Want) > 0 {
					phase = "!"
				}
				if phases[a.Name] += phase; life.MatchString(phases[a.Name]) {
					lives[a.Name] = true
				}
				for _, want := range a.Want {
					if want.Annotations["summary"] == "" || want.Annotations["description"] == "" {
						t.Errorf("a test of %s expects no text", a.Name)
					}
				}
			}
		}
	}
	for _, r := range rules(t) {
		if r.Alert != "" && !lives[r.Alert] {
			t.Errorf("no test sees %s silent, firing and silent again", r.Alert)
		}
	}
}

func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: PATH=\"$PATH:$(tests/tools.sh --path promtool)\" finds it")
	}
	commands := map[string][]string{"check": append([]string{"check", "rules", "--lint-fatal"}, glob(t, "*.rules.yml")...)}
	for _, file := range glob(t, "*.test.yml") {
		commands[file] = []string{"test", "rules", file}
	}
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
				t.Errorf("promtool: %v\n%s", err, out)
			}
		})
	}
}
