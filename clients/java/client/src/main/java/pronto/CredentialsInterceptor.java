// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors.CheckedForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import java.util.function.Consumer;

/**
 * Sends the client's credentials with each call. What a call brings itself stays, and is checked.
 *
 * @param token the client's token, or null
 * @param apiKey Pronto's key, or null
 */
record CredentialsInterceptor(Token token, String apiKey) implements ClientInterceptor {
  private static final Metadata.Key<String> AUTHORIZATION = key("authorization");
  private static final Metadata.Key<String> API_KEY = key("x-api-key");

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    if (options.getCredentials() == null) {
      return new Call<>(next.newCall(method, options), headers -> add(headers, headers));
    }
    LateCredentials late = new LateCredentials(options.getCredentials(), this);
    return new Call<>(next.newCall(method, options.withCallCredentials(late)), late::expect);
  }

  /** Adds to some headers what neither they nor others have. */
  void add(Metadata headers, Metadata others) {
    if (token != null
        && !headers.containsKey(AUTHORIZATION)
        && !others.containsKey(AUTHORIZATION)) {
      headers.put(AUTHORIZATION, "Bearer " + token.text());
    }
    if (apiKey != null && !headers.containsKey(API_KEY) && !others.containsKey(API_KEY)) {
      headers.put(API_KEY, apiKey);
    }
  }

  private static final class Call<Q, A> extends CheckedForwardingClientCall<Q, A> {
    private final Consumer<Metadata> begin;

    Call(ClientCall<Q, A> call, Consumer<Metadata> begin) {
      super(call);
      this.begin = begin;
    }

    @Override
    protected void checkedStart(Listener<A> listener, Metadata headers) throws StatusException {
      check(headers, AUTHORIZATION);
      check(headers, API_KEY);
      begin.accept(headers);
      delegate().start(listener, headers);
    }
  }

  /** Fails the call rather than making it without the credential that it names. */
  private static void check(Metadata headers, Metadata.Key<String> key) throws StatusException {
    Iterable<String> values = headers.getAll(key);
    if (values == null) {
      return;
    }
    for (String value : values) {
      if (!HeaderValue.sent(value)) {
        throw Status.INVALID_ARGUMENT
            .withDescription(key.name() + " of the call must be ASCII without space around it")
            .asException();
      }
    }
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
