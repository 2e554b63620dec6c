import ControlServer
import Foundation
import Inventory

/// The settings of the control listener, which stand or fall together.
enum ControlSettings {
  static func network(_ read: SettingReader) throws(ConfigurationError) -> ControlNetwork? {
    let files: [Setting] = [
      .controlTLSCertificateFile, .controlTLSKeyFile, .controlTLSClientCAFile,
    ]
    guard !read.text(.controlListen).isEmpty else {
      if let setting = files.first(where: { !read.text($0).isEmpty }) {
        throw read.error(
          setting, "has no use without control_listen; set that too, as 10.0.0.4:8776")
      }
      return nil
    }
    let (address, port) = try endpoint(read)
    for setting in files.prefix(2) where read.text(setting).isEmpty {
      throw read.error(
        .controlListen,
        "the control API is served on the network behind TLS only; set "
          + "\(setting.rawValue) too, or leave control_listen empty and use the socket")
    }
    let clientCA = read.text(.controlTLSClientCAFile)
    return ControlNetwork(
      address: address, port: port,
      files: ControlTLSFiles(
        certificate: try read.path(.controlTLSCertificateFile),
        key: try read.path(.controlTLSKeyFile),
        clientCA: clientCA.isEmpty ? nil : try read.path(.controlTLSClientCAFile)))
  }

  private static func endpoint(_ read: SettingReader) throws(ConfigurationError)
    -> (IPAddress, Int)
  {
    let text = read.text(.controlListen)
    if let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65_535).contains(port)
    {
      var host = text[..<colon]
      let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
      if isBracketed { host = host.dropFirst().dropLast() }
      if let address = IPAddress(String(host)), address.isIPv4 != isBracketed {
        return (address, port)
      }
    }
    throw read.error(
      .controlListen, "'\(text)' is not ADDRESS:PORT, like 10.0.0.4:8776 or [fd00::4]:8776")
  }
}
