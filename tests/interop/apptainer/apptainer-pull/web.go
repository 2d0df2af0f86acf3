package main

import (
	"context"
	"net/http"
	"time"
)

// apptainer takes Last-Modified, if there is any, from a HEAD whose status it does not look at: the
// key of its cache. What it then gets is believed.
func pullWeb(ctx context.Context, wanted request, path string) error {
	head, err := http.NewRequestWithContext(ctx, http.MethodHead, wanted.source, nil)
	if err != nil {
		return err
	}
	headers, err := http.DefaultClient.Do(head)
	if err != nil {
		return err
	}
	headers.Body.Close()
	res, err := get(ctx, &http.Client{Timeout: 30 * time.Minute}, wanted.source)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = save(path, res.Body)
	return err
}
