// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package guides

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// image is what a Dockerfile makes: files, by where they come from, variables and a
// command. What it runs while it is built is not run here.
type image struct {
	files map[string]string // by path in the image
	env   []string
	argv  []string
}

// docker does what docker does with one image and one container of it.
func (g *manager) docker(args []string) (string, error) {
	switch {
	case len(args) == 4 && args[0] == "build" && args[1] == "-t" && args[3] == ".":
		made, err := g.buildImage()
		g.images[args[2]] = made
		return "", err
	case len(args) > 1 && args[0] == "run":
		return "", g.dockerRun(args[1:])
	case len(args) > 3 && args[0] == "exec":
		if g.service == nil {
			return "", errors.New("the container does not run")
		}
		argv := g.inside(args[2:])
		cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // what the page says
		cmd.Env, cmd.Dir = g.service.cmd.Env, g.m.Root
		out, err := cmd.CombinedOutput()
		return string(out), err
	case len(args) == 2 && args[0] == "stop":
		return "", g.stop()
	}
	return "", fmt.Errorf("docker %q is not understood", args)
}

// buildImage reads the Dockerfile of the directory in which commands run.
func (g *manager) buildImage() (image, error) {
	data, err := os.ReadFile(g.m.path("Dockerfile"))
	if err != nil {
		return image{}, err
	}
	made := image{files: make(map[string]string)}
	for line := range strings.Lines(strings.ReplaceAll(g.m.there(string(data)), "\\\n", "")) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Fields(rest)
		switch instruction {
		case "COPY":
			if len(words) != 2 {
				return made, fmt.Errorf("COPY %q is not understood", words)
			}
			source := g.m.path(words[0])
			if _, err := os.Stat(source); err != nil {
				return made, err
			}
			made.files[words[1]] = source
		case "ENV":
			made.env = append(made.env, words...)
		case "CMD":
			if err := json.Unmarshal([]byte(rest), &made.argv); err != nil {
				return made, fmt.Errorf("decode CMD: %w", err)
			}
		case "FROM", "RUN", "USER", "EXPOSE", "VOLUME", "", "#":
		default:
			return made, fmt.Errorf("the instruction %s is not understood", instruction)
		}
	}
	if len(made.argv) == 0 {
		return made, errors.New("the image has no command")
	}
	return made, nil
}

// dockerRun runs an image in the background.
func (g *manager) dockerRun(args []string) error {
	var settings, mounted, ports []string
	for len(args) > 1 {
		option, value := args[0], args[1]
		used := 2
		switch option {
		case "-d":
			used = 1
		case "--env-file":
			list, err := variables(value)
			if err != nil {
				return err
			}
			settings = append(settings, list...)
		case "-v":
			parts := strings.Split(value, ":")
			mounted = append(mounted, parts[1])
		case "-p":
			ports = append(ports, value)
		case "--name", "--stop-timeout", "--restart", "--memory":
		default:
			return fmt.Errorf("docker run %s is not understood", option)
		}
		args = args[used:]
	}
	made, ok := g.images[args[0]]
	if !ok {
		return fmt.Errorf("there is no image %s", args[0])
	}
	if len(ports) == 0 {
		return errors.New("nobody could reach the container: no port is published")
	}
	if err := g.present(made, mounted); err != nil {
		return err
	}
	return g.start(g.inside(made.argv), g.environment(append(made.env, settings...)...))
}

// ofMachine are the paths of a machine that a page speaks of.
var ofMachine = regexp.MustCompile(`/(?:etc|var)/[a-z]+(?:/[a-z]+)?`)

// present checks that a container would find the program, and each path that the
// configuration speaks of.
func (g *manager) present(made image, mounted []string) error {
	if made.files["/usr/local/bin/"+made.argv[0]] == "" {
		return fmt.Errorf("the image has no %s on its path", made.argv[0])
	}
	config := made.argv[slices.Index(made.argv, "--config")+1]
	text, err := os.ReadFile(g.m.here(config))
	if err != nil {
		return err
	}
	for _, path := range append(ofMachine.FindAllString(g.m.there(string(text)), -1), config) {
		if !slices.ContainsFunc(mounted, func(dir string) bool { return strings.HasPrefix(g.m.here(path), dir) }) {
			return fmt.Errorf("%s is not mounted in the container; what is, is %q", path, mounted)
		}
	}
	return nil
}

// inside is a command in a container, in terms of this machine.
func (g *manager) inside(argv []string) []string {
	here := make([]string, 0, len(argv))
	for _, word := range argv {
		if strings.HasPrefix(word, "/etc/") {
			word = g.m.here(word)
		}
		here = append(here, word)
	}
	here[0] = filepath.Join(g.m.Root, "bin", here[0])
	return here
}
