import ControlAPI
import GuestServer

extension ListenerState {
  /// A listener that the daemon would not run without.
  init(_ listener: ListenerConfiguration, isOpen: Bool) {
    self.init(
      address: listener.address, port: listener.port, device: listener.device,
      network: listener.network, problem: isOpen ? nil : "it is being opened")
  }

  init(_ status: NamespaceListenerStatus) {
    let problem: String? =
      switch status.state {
      case .listening: nil
      case .missing: "there is no namespace of that name"
      case .closing: "it is being closed"
      case .waiting, .refused: status.reason ?? "it is being opened"
      }
    self.init(
      address: status.address, port: status.port, device: status.device,
      namespace: status.namespace, network: status.network, problem: problem)
  }
}
