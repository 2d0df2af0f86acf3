package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Registry, user, container, tag and digest, each as long and of the characters that apptainer lets
// through.
var shubReference = regexp.MustCompile(`^shub://([-.a-zA-Z0-9/]{1,64}/)?[-a-zA-Z0-9]{1,39}/[-_.a-zA-Z0-9]{1,64}` +
	`(:[-_.a-zA-Z0-9]{1,64})?(@[a-f0-9]{32}|@[a-f0-9]{40})?$`)

// The rule above has no colon in a registry, so that apptainer refuses one with a port. Tests serve
// at a port; here it is taken off before the rule is asked.
var shubPort = regexp.MustCompile(`^(shub://[-.a-zA-Z0-9]+):[0-9]+/`)

type shubAnswer struct {
	Image  string `json:"image"`
	Commit string `json:"commit"`
}

func pullShub(ctx context.Context, wanted request, path string) error {
	if !shubReference.MatchString(shubPort.ReplaceAllString(wanted.source, "$1/")) {
		return fmt.Errorf("invalid shub reference %q", wanted.source)
	}
	parts := strings.Split(strings.TrimPrefix(wanted.source, "shub://"), "/")
	count := len(parts)
	if count < 3 {
		return errors.New("the shub reference names no registry, and the first one is gone")
	}
	registry, user, container := strings.Join(parts[:count-2], "/"), parts[count-2], parts[count-1]
	if !strings.ContainsAny(container, ":@") {
		container += ":latest"
	}
	scheme := "https"
	if wanted.plainHTTP {
		scheme = "http"
	}
	answer, err := askShub(ctx, fmt.Sprintf("%s://%s/api/container/%s/%s", scheme, registry, user, container))
	if err != nil {
		return err
	}

	image, err := url.Parse(answer.Image)
	if err != nil {
		return err
	}
	if wanted.plainHTTP {
		image.Scheme = "http"
	}
	res, err := get(ctx, &http.Client{Timeout: 2 * time.Hour}, image.String())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	written, err := save(path, res.Body)
	if err != nil {
		return err
	}
	// apptainer warns only where the length is unknown.
	if res.ContentLength >= 0 && written != res.ContentLength {
		return fmt.Errorf("%d bytes came, not %d", written, res.ContentLength)
	}
	return nil
}

func askShub(ctx context.Context, url string) (shubAnswer, error) {
	var answer shubAnswer
	res, err := get(ctx, &http.Client{Timeout: 30 * time.Second}, url)
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, fmt.Errorf("GET %s: %w", url, err)
	}
	// It is the name of a file in apptainer's cache; an empty one is the folder of all of them, which
	// apptainer then removes.
	if answer.Commit == "" || strings.Trim(answer.Commit, ".") == "" || strings.ContainsAny(answer.Commit, "/\x00") {
		return answer, fmt.Errorf("GET %s: the commit %q is no name for a file", url, answer.Commit)
	}
	return answer, nil
}
