// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.ServiceDescriptor;
import java.util.List;
import pronto.v1.AccountServiceGrpc;
import pronto.v1.ContactServiceGrpc;
import pronto.v1.JobServiceGrpc;
import pronto.v1.LeadServiceGrpc;
import pronto.v1.ListServiceGrpc;
import pronto.v1.LocationServiceGrpc;
import pronto.v1.PersonaServiceGrpc;
import pronto.v1.SandboxServiceGrpc;
import pronto.v1.SearchServiceGrpc;
import pronto.v1.SignalServiceGrpc;
import pronto.v1.UsageServiceGrpc;
import pronto.v1.WorkspaceServiceGrpc;

/** The services of {@code pronto.v1}. */
final class Services {
  static final List<ServiceDescriptor> ALL =
      List.of(
          AccountServiceGrpc.getServiceDescriptor(),
          ContactServiceGrpc.getServiceDescriptor(),
          JobServiceGrpc.getServiceDescriptor(),
          LeadServiceGrpc.getServiceDescriptor(),
          ListServiceGrpc.getServiceDescriptor(),
          LocationServiceGrpc.getServiceDescriptor(),
          PersonaServiceGrpc.getServiceDescriptor(),
          SandboxServiceGrpc.getServiceDescriptor(),
          SearchServiceGrpc.getServiceDescriptor(),
          SignalServiceGrpc.getServiceDescriptor(),
          UsageServiceGrpc.getServiceDescriptor(),
          WorkspaceServiceGrpc.getServiceDescriptor());

  private Services() {}
}
