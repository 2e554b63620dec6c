import FoundationEssentials
import Glibc
import Inventory
import NIOCore
import NIOPosix
import NIOSSL
import SwiftASN1
import X509

/// Why a server's certificate was not trusted, in words. It asks once more, looks at what is shown,
/// and hangs up before anything is sent.
struct ServerDiagnosis {
  let daemon: RemoteDaemon
  let configuration: TLSConfiguration

  func reason() async -> String {
    guard let shown = await certificate(), let bytes = try? shown.toDERBytes(),
      let certificate = try? Certificate(derEncoded: bytes)
    else { return "its certificate cannot be read" }
    let now = time(nil)
    let end = Int(certificate.notValidAfter.timeIntervalSince1970)
    if end < now {
      return "its certificate ended at \(CivilTime(secondsSince1970: end)); renew it there"
    }
    let start = Int(certificate.notValidBefore.timeIntervalSince1970)
    if start > now {
      return "its certificate begins only at \(CivilTime(secondsSince1970: start)); "
        + "is this host's clock right?"
    }
    return "its certificate's issuer, \(certificate.issuer), is not trusted here; "
      + "name the file of who issued it with --ca"
  }

  /// What the server shows in the handshake.
  private func certificate() async -> NIOSSLCertificate? {
    guard let context = try? NIOSSLContext(configuration: configuration) else { return nil }
    let group = MultiThreadedEventLoopGroup.singleton
    let shown = group.next().makePromise(of: NIOSSLCertificate?.self)
    let name = IPAddress(daemon.host) == nil ? daemon.host : nil
    let bootstrap = ClientBootstrap(group: group).connectTimeout(.seconds(5))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(
              context: context, serverHostname: name,
              customVerificationCallback: { certificates, verdict in
                shown.succeed(certificates.first)
                verdict.succeed(.failed)
              }))
        }
      }
    do {
      let channel = try await bootstrap.connect(host: daemon.host, port: daemon.port).get()
      channel.closeFuture.whenComplete { _ in shown.succeed(nil) }
      channel.eventLoop.scheduleTask(in: .seconds(5)) { channel.close(promise: nil) }
      return try await shown.futureResult.get()
    } catch {
      shown.succeed(nil)
      return nil
    }
  }
}
