// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.stub.StreamObserver;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import pronto.v1.GetJobRequest;
import pronto.v1.GetJobResponse;
import pronto.v1.Job;
import pronto.v1.JobServiceGrpc;

/** What only a real transport shows. */
final class TransportTest {
  @TempDir Path folder;

  @Test
  void aSocketsPathMayHaveAnyCharacters() throws Exception {
    Path path = folder.resolve("a b%41?#ü.sock");
    try (var listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      listener.bind(UnixDomainSocketAddress.of(path));
      try (Pronto pronto = Pronto.builder().target("unix:" + path).connect()) {
        JobServiceGrpc.newFutureStub(pronto.channel()).getJob(GetJobRequest.getDefaultInstance());
        listener.accept().close();
      }
    }
  }

  @Test
  void aMessageThatIsTooLargeForUsIsNoBreak() throws Exception {
    var server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(new Large())
            .build()
            .start();
    var channel =
        Grpc.newChannelBuilderForAddress(
                "localhost", server.getPort(), InsecureChannelCredentials.create())
            .maxInboundMessageSize(100)
            .build();
    var stub = JobServiceGrpc.newBlockingStub(channel);
    var request = GetJobRequest.getDefaultInstance();
    ProntoException error =
        ProntoException.of(assertThrows(RuntimeException.class, () -> stub.getJob(request)));
    assertFalse(Recovery.possible(error), error.getMessage());
    channel.shutdownNow();
    server.shutdownNow();
  }

  @Test
  void pemThatIsNoneIsRefusedByItsName() throws Exception {
    Path file = Files.writeString(folder.resolve("not.pem"), "nothing");
    ProntoBuilder builder = Pronto.builder();
    for (var error :
        new IllegalArgumentException[] {
          assertThrows(IllegalArgumentException.class, () -> builder.certificateAuthority(file)),
          assertThrows(IllegalArgumentException.class, () -> builder.clientCertificate(file, file))
        }) {
      assertTrue(error.getMessage().contains(file.toString()), error.getMessage());
    }
    var bytes =
        assertThrows(
            IllegalArgumentException.class, () -> builder.certificateAuthority(new byte[3]));
    assertEquals("there is no certificate in PEM in the bytes", bytes.getMessage());
  }

  private static final class Large extends JobServiceGrpc.JobServiceImplBase {
    @Override
    public void getJob(GetJobRequest request, StreamObserver<GetJobResponse> answer) {
      Job job = Job.newBuilder().setId("x".repeat(1000)).build();
      answer.onNext(GetJobResponse.newBuilder().setJob(job).build());
      answer.onCompleted();
    }
  }
}
