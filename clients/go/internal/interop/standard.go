// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"pronto-grpc/clients/go/prontov1"
)

func health(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	stub := grpc_health_v1.NewHealthClient(client.Conn())
	for _, service := range []string{"", "pronto.v1.LeadService"} {
		answer, err := stub.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
		if err := serving(answer, err); err != nil {
			return fmt.Errorf("check of %q: %w", service, err)
		}
	}
	_, err = stub.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "pronto.v1.NoService"})
	if err := expectCode(err, codes.NotFound); err != nil {
		return err
	}
	watch, err := stub.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return err
	}
	return serving(watch.Recv())
}

func serving(answer *grpc_health_v1.HealthCheckResponse, err error) error {
	if err == nil && answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("the status is %s", answer.GetStatus())
	}
	return err
}

func reflection(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(client.Conn()).ServerReflectionInfo(ctx)
	if err != nil {
		return err
	}
	if err := listsServices(stream); err != nil {
		return err
	}
	if err := describesEvents(stream); err != nil {
		return err
	}
	return ends(stream)
}

// ends says that nothing is left to ask, and waits until the server has ended the
// stream: a client that is closed before resets it.
func ends(stream grpc_reflection_v1.ServerReflection_ServerReflectionInfoClient) error {
	if err := stream.CloseSend(); err != nil {
		return err
	}
	answer, err := stream.Recv()
	if err == nil {
		return fmt.Errorf("an answer to no question: %v", answer)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func listsServices(stream grpc_reflection_v1.ServerReflection_ServerReflectionInfoClient) error {
	answer, err := reflect(stream, &grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		return err
	}
	for _, service := range answer.GetListServicesResponse().GetService() {
		if service.GetName() == prontov1.LeadService_ServiceDesc.ServiceName {
			return nil
		}
	}
	return fmt.Errorf("no LeadService in %v", answer)
}

func describesEvents(stream grpc_reflection_v1.ServerReflection_ServerReflectionInfoClient) error {
	answer, err := reflect(stream, &grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "pronto.v1.JobEvent"},
	})
	if err != nil {
		return err
	}
	for _, content := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
		var file descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(content, &file); err != nil {
			return err
		}
		for _, message := range file.GetMessageType() {
			if file.GetPackage() == "pronto.v1" && message.GetName() == "JobEvent" {
				return nil
			}
		}
	}
	return fmt.Errorf("no JobEvent in the answer: %v", answer.GetErrorResponse())
}

// reflect asks and waits for the answer.
func reflect(stream grpc_reflection_v1.ServerReflection_ServerReflectionInfoClient, request *grpc_reflection_v1.ServerReflectionRequest) (*grpc_reflection_v1.ServerReflectionResponse, error) {
	if err := stream.Send(request); err != nil {
		return nil, err
	}
	return stream.Recv()
}
