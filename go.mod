module klpsim

go 1.26
