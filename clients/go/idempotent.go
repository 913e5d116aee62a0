// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"pronto-grpc/clients/go/prontov1"
)

// idempotentMethods are the methods that may be repeated without a request_id, because
// the proto says so, by the paths that gRPC has for them.
var idempotentMethods = sync.OnceValue(func() map[string]protoreflect.MethodDescriptor {
	methods := map[string]protoreflect.MethodDescriptor{}
	api := prontov1.File_pronto_v1_jobs_proto.Package()
	protoregistry.GlobalFiles.RangeFilesByPackage(api, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				if method := service.Methods().Get(j); isIdempotent(method) {
					methods[path(method)] = method
				}
			}
		}
		return true
	})
	return methods
})

func isIdempotent(method protoreflect.MethodDescriptor) bool {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS, descriptorpb.MethodOptions_IDEMPOTENT:
		return true
	}
	return false
}

// path is how gRPC names a method.
func path(method protoreflect.MethodDescriptor) string {
	return "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
}
