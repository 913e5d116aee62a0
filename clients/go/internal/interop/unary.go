// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

func unary(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	return findParis(ctx, client)
}

func unix(ctx context.Context, _ []string) error {
	client, err := connectUnix()
	if err != nil {
		return err
	}
	defer client.Close()
	return findParis(ctx, client)
}

// findParis calls once and checks the answer.
func findParis(ctx context.Context, client *pronto.Client) error {
	answer, err := client.Locations.SearchLocations(ctx, &prontov1.SearchLocationsRequest{Name: "Paris"})
	if err != nil {
		return err
	}
	for _, location := range answer.GetLocations() {
		if location.GetName() == "Paris" && location.GetId() == "106383538" {
			return nil
		}
	}
	return fmt.Errorf("no Paris in %v", answer)
}

func overTLS(ctx context.Context, _ []string) error {
	steps := []struct {
		options []pronto.Option
		check   func(error) error
	}{
		{[]pronto.Option{trusted(), pronto.WithToken(token())}, func(err error) error { return err }},
		{[]pronto.Option{trusted(), pronto.WithToken("wrong" + token())}, func(err error) error {
			return expect(err, codes.Unauthenticated, "UNAUTHENTICATED_CLIENT")
		}},
		// The roots of the system do not have the test's certificate.
		{[]pronto.Option{pronto.WithTLS(), pronto.WithToken(token())}, func(err error) error {
			return expect(err, codes.Unavailable, "")
		}},
	}
	for _, step := range steps {
		client, err := connectTLS(step.options...)
		if err != nil {
			return err
		}
		defer client.Close()
		if err := step.check(findParis(ctx, client)); err != nil {
			return err
		}
	}
	return nil
}
