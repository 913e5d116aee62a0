// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerTransportFilter;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import pronto.v1.GetJobRequest;
import pronto.v1.GetJobResponse;
import pronto.v1.Job;
import pronto.v1.JobEvent;
import pronto.v1.JobServiceGrpc;
import pronto.v1.JobServiceGrpc.JobServiceBlockingStub;
import pronto.v1.WatchJobRequest;

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

  /** A stream beyond those that a server takes on a connection would wait without a word. */
  @Test
  void streamsDoNotWaitForOneAnother() throws Exception {
    Set<Attributes> connections = ConcurrentHashMap.newKeySet();
    Server server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .maxConcurrentCallsPerConnection(256)
            .addService(new Open())
            .addTransportFilter(new Counted(connections))
            .build()
            .start();
    try (Pronto pronto = Pronto.builder().target("127.0.0.1:" + server.getPort()).connect()) {
      // Only bounds how long a broken test hangs.
      JobServiceBlockingStub stub = pronto.jobs().withDeadlineAfter(30, TimeUnit.SECONDS);
      for (int i = 0; i < 300; i++) {
        var stream = stub.watchJob(WatchJobRequest.getDefaultInstance());
        assertEquals(1, stream.next().getSequence());
      }
      pronto.jobs().getJob(GetJobRequest.getDefaultInstance());
      assertEquals(4, connections.size());
    }
    server.shutdownNow();
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

  /** Streams that bring an event and stay open. */
  private static final class Open extends JobServiceGrpc.JobServiceImplBase {
    @Override
    public void watchJob(WatchJobRequest request, StreamObserver<JobEvent> stream) {
      stream.onNext(Fixtures.lead(1));
    }

    @Override
    public void getJob(GetJobRequest request, StreamObserver<GetJobResponse> answer) {
      answer.onNext(GetJobResponse.getDefaultInstance());
      answer.onCompleted();
    }
  }

  private static final class Counted extends ServerTransportFilter {
    private final Set<Attributes> connections;

    Counted(Set<Attributes> connections) {
      this.connections = connections;
    }

    @Override
    public Attributes transportReady(Attributes attributes) {
      connections.add(attributes);
      return attributes;
    }
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
