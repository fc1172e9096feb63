module withoutcookie

go 1.21
