// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;
import pronto.Pronto;
import pronto.ProntoException;

/** The standard services beside ours. */
final class Standard {
  private Standard() {}

  static void health(String[] arguments) {
    try (Pronto pronto = Environment.plaintext().connect()) {
      var health = HealthGrpc.newBlockingStub(pronto.channel());
      Check.equal(ServingStatus.SERVING, health.check(of("")).getStatus(), "the server");
      Check.equal(
          ServingStatus.SERVING,
          health.check(of("pronto.v1.LeadService")).getStatus(),
          "LeadService");
      ProntoException error = Check.refused(() -> health.check(of("no.such.Service")));
      Check.equal(Status.Code.NOT_FOUND, error.code(), "an unknown service");
      Check.equal(
          ServingStatus.SERVING, health.watch(of("")).next().getStatus(), "the first of Watch");
    }
  }

  static void reflection(String[] arguments) throws Exception {
    try (Pronto pronto = Environment.plaintext().connect()) {
      var services = ask(pronto, ServerReflectionRequest.newBuilder().setListServices("").build());
      Check.that(
          services.getListServicesResponse().getServiceList().stream()
              .anyMatch(service -> service.getName().equals("pronto.v1.LeadService")),
          "LeadService is not listed");
      var files =
          ask(
              pronto,
              ServerReflectionRequest.newBuilder()
                  .setFileContainingSymbol("pronto.v1.JobEvent")
                  .build());
      Check.that(hasJobEvent(files), "no file has JobEvent");
    }
  }

  private static boolean hasJobEvent(ServerReflectionResponse answer)
      throws InvalidProtocolBufferException {
    for (var bytes : answer.getFileDescriptorResponse().getFileDescriptorProtoList()) {
      var file = FileDescriptorProto.parseFrom(bytes);
      if (file.getPackage().equals("pronto.v1")
          && file.getMessageTypeList().stream().anyMatch(m -> m.getName().equals("JobEvent"))) {
        return true;
      }
    }
    return false;
  }

  /** Sends one question and takes its answer. */
  private static ServerReflectionResponse ask(Pronto pronto, ServerReflectionRequest question)
      throws Exception {
    CompletableFuture<ServerReflectionResponse> answer = new CompletableFuture<>();
    var questions =
        ServerReflectionGrpc.newStub(pronto.channel())
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse response) {
                    answer.complete(response);
                  }

                  @Override
                  public void onError(Throwable error) {
                    answer.completeExceptionally(error);
                  }

                  @Override
                  public void onCompleted() {
                    answer.completeExceptionally(new AssertionError("there was no answer"));
                  }
                });
    questions.onNext(question);
    questions.onCompleted();
    return answer.get();
  }

  private static HealthCheckRequest of(String service) {
    return HealthCheckRequest.newBuilder().setService(service).build();
  }
}
